#pragma once

#include <filesystem>
#include <optional>

#include "compress/data/dataset.h"
#include "compress/train/log.h"
#include "compress/train/options.h"

namespace compress::job {

/// The models that a report compares.
struct ReportInputs {
  std::filesystem::path compressed;
  std::optional<std::filesystem::path> float_model;
  std::optional<recipe::TeacherOptions> teacher;  ///< its weights may be a checkpoint's, which describe no network
};

/// Loads each model as a user of its file would, measures it on the test data and writes report.json and report.md into
/// `folder`. The table and the verdict go to the log too.
void write_run_report(const std::filesystem::path& folder, const ReportInputs& inputs,
                      const train::Experiment& experiment, const data::Dataset& test, train::Log& log);

}  // namespace compress::job
