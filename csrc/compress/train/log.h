#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace compress::train {

/// A run's words: each line goes to stderr and, with the time in front, to log.txt (appended: a resumed run goes on).
/// On a terminal one `status` line stays below them and is rewritten in place.
class Log {
 public:
  Log() = default;  ///< stderr only
  explicit Log(const std::filesystem::path& file);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void line(const std::string& text);
  /// Shown on a terminal only, until the next status or line; an empty text clears it.
  void status(const std::string& text);
  bool on_terminal() const { return terminal_; }

 private:
  void clear_status();

  std::ofstream file_;
  bool terminal_ = is_terminal();
  bool status_shown_ = false;

  static bool is_terminal();
};

}  // namespace compress::train
