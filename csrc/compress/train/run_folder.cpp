#include "compress/train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "compress/core/error.h"

namespace compress::train {

namespace fs = std::filesystem;

bool RunFolder::holds_run() const {
  return fs::exists(config()) || fs::exists(checkpoints()) || fs::exists(model()) || fs::exists(metrics());
}

std::optional<fs::path> RunFolder::latest_checkpoint() const {
  std::ifstream latest(checkpoints() / "latest");
  std::string name;
  if (!latest || !std::getline(latest, name)) {
    return std::nullopt;
  }
  const fs::path folder = checkpoints() / name;
  check(fs::is_directory(folder), (checkpoints() / "latest").string(), ": names '", name, "', which is not there");
  return folder;
}

void RunFolder::create_new() const {
  check<UsageError>(
      !holds_run(), path_.string(),
      ": holds a run already; go on with it by --resume, give another name (--set name=...), or remove it");
  std::error_code error;
  fs::create_directories(path_, error);
  check(!error, path_.string(), ": cannot be made: ", error.message());
}

void write_text_atomically(const fs::path& path, const std::string& text) {
  fs::path aside = path;
  aside += ".tmp";
  {
    std::ofstream stream(aside, std::ios::trunc);
    stream << text << std::flush;
    check(stream.good(), path.string(), ": cannot be written");
  }
  sync(aside);
  std::error_code error;
  fs::rename(aside, path, error);
  check(!error, path.string(), ": cannot be replaced: ", error.message());
}

void sync(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int reason = descriptor >= 0 && ::fsync(descriptor) == 0 ? 0 : errno;  // close() may set errno anew
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  check(reason == 0, path.string(), ": cannot be synced: ", std::strerror(reason));
}

}  // namespace compress::train
