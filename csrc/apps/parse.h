#pragma once

// A comma in --set key={a: 1, b: 2} is part of the value, not the end of a list item.
#define CXXOPTS_VECTOR_DELIMITER '\0'
#include <cxxopts.hpp>
#include <iostream>
#include <optional>

#include "command.h"
#include "compress/core/error.h"

namespace compress::apps {

/// Parses a command's arguments; nothing where --help was asked for and printed. cxxopts' own complaints become
/// UsageError that point to the command's help.
inline std::optional<cxxopts::ParseResult> parse(cxxopts::Options& options, const Arguments& arguments,
                                                 const std::string& epilogue) {
  const std::string program = options.program();
  std::vector<const char*> argv{program.c_str()};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  const auto result = [&] {
    try {
      return options.parse(static_cast<int>(argv.size()), argv.data());
    } catch (const std::exception& error) {  // the class has another name in each major version of cxxopts
      fail<UsageError>(error.what(), "; see ", program, " --help");
    }
  }();
  if (result.count("help") > 0) {
    std::cout << options.help() << "\n" << epilogue;
    return std::nullopt;
  }
  check<UsageError>(result.unmatched().empty(), "unexpected argument '",
                    result.unmatched().empty() ? "" : result.unmatched().front(), "'; see ", program, " --help");
  return result;
}

}  // namespace compress::apps
