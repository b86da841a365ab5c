#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "compress/export/inspect.h"
#include "compress/export/measure.h"

namespace compress {

/// What a run, or Python's cx.report, tells in the end. All networks are measured on the same test set, batch and
/// device.
struct Report {
  std::optional<Measured> float_model;  ///< the same network, not compressed
  std::optional<Measured> teacher;
  Measured compressed;
  double sparsity = 0;  ///< fraction of zeros among the weights of the compressed layers
  std::string device;   ///< where latency was measured: "cpu, 2 threads"
  int64_t batch = 1;    ///< images in the forward pass whose latency was measured
  std::string float_name = "the same network in plain float";  ///< what the verdict calls `float_model`
  std::string sparsity_of = "the compressed layers' weights";  ///< what `sparsity` is a fraction of
  std::string weight_type = "float32";                         ///< of the weights that `compressed` computes with here
  std::vector<LayerSummary> layers;                            ///< of `compressed`, for a table; empty = no table
};

/// What became smaller or faster here and what did not, in words. Compares only what was measured, and calls a network
/// faster or slower only where the difference exceeds 10 % and the spread of the runs.
std::string verdict(const Report& report);

/// report.json: `float`, `teacher`, `compressed` (where measured), each with `accuracy`, `loss`, `parameters`,
/// `nonzero_parameters`, `bytes_on_disk`, `state_dict_bytes`, `latency_ms`, `latency_spread_ms`; `sparsity`, `device`,
/// `batch`, `layers`, `verdict`. What was not measured has no key.
std::string report_json(const Report& report);

/// report.md: a table, the verdict, and a table of the layers.
std::string report_markdown(const Report& report);

/// The same for a terminal.
std::string report_text(const Report& report);

/// Writes report.json and report.md into the folder, each whole or not at all.
void write_report(const std::filesystem::path& folder, const Report& report);

}  // namespace compress
