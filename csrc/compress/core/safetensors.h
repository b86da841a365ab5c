#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "compress/core/named_tensors.h"

namespace compress {

/// What a .safetensors file holds (https://github.com/huggingface/safetensors, "Format").
struct SafetensorsFile {
  NamedTensors tensors;  ///< on the CPU, contiguous, in the order of the file's header
  std::map<std::string, std::string> metadata;
};

/// Writes `tensors` (any device, any strides) in the given order. The file is written aside, synced and renamed: a
/// crash leaves the old file or the new one, never a half. Two tensors that share memory are both written in full.
void save_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {});

/// Reads a whole file. Everything in it is checked before memory is taken for a tensor; what is wrong is one line that
/// names the file.
SafetensorsFile load_safetensors(const std::filesystem::path& path);

}  // namespace compress
