#pragma once

#include <filesystem>

#include "compress/train/log.h"

namespace compress::job {

/// Holds a folder (made where it is missing) for this process: two runs that share a teacher must not both train it.
/// The constructor waits for the other one, says so once, and gives up with train::Interrupted where a signal asks to
/// stop. The lock ends with the object or the process, however it ends.
class FolderLock {
 public:
  FolderLock(const std::filesystem::path& folder, train::Log& log);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace compress::job
