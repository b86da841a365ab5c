#pragma once

// Precompiled for every file above the operators: torch/nn.h alone costs 20 s a file otherwise.
#include <torch/nn.h>
#include <torch/utils.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>
