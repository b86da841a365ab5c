#include "compress/job/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "compress/core/error.h"
#include "compress/train/stop_signal.h"

namespace compress::job {

FolderLock::FolderLock(const std::filesystem::path& folder, train::Log& log) {
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / ".lock";
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  check(descriptor_ >= 0, file.string(), ": cannot be opened: ", std::strerror(errno));
  bool told = false;
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    if (!told) {
      log.line(folder.string() + ": another run trains here; waiting for it");
      told = true;
    }
    if (const int signal = train::requested_stop()) {
      ::close(descriptor_);
      throw train::Interrupted(signal, "stopped while waiting for " + folder.string() + "; go on with --resume");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

FolderLock::~FolderLock() {
  ::close(descriptor_);
}

}  // namespace compress::job
