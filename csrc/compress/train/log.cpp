#include "compress/train/log.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "compress/core/error.h"

namespace compress::train {
namespace {

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace

Log::Log(const std::filesystem::path& file) : file_(file, std::ios::app) {
  check(file_.good(), file.string(), ": cannot be written");
}

Log::~Log() {
  clear_status();
}

bool Log::is_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

void Log::line(const std::string& text) {
  clear_status();
  std::fprintf(stderr, "%s\n", text.c_str());
  if (file_.is_open()) {
    file_ << timestamp() << " " << text << std::endl;
  }
}

void Log::status(const std::string& text) {
  if (!terminal_) {
    return;
  }
  clear_status();
  if (!text.empty()) {
    std::fprintf(stderr, "%s", text.c_str());
    std::fflush(stderr);
    status_shown_ = true;
  }
}

void Log::clear_status() {
  if (status_shown_) {
    std::fprintf(stderr, "\r\033[K");
    status_shown_ = false;
  }
}

}  // namespace compress::train
