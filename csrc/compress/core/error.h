#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace compress {

/// A failure with a one-line message for the user: what is wrong, what was got, what is allowed, the fix.
/// The command line exits with code 1 for it.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user asked for something that cannot be (unknown key, wrong type, bad argument): exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

template <typename Exception = Error, typename... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Exception(concat(parts...));
}

template <typename Exception = Error, typename... Parts>
void check(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]] {
    fail<Exception>(parts...);
  }
}

}  // namespace compress
