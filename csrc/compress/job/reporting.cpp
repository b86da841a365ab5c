#include "compress/job/reporting.h"

#include <sstream>

#include "compress/core/error.h"
#include "compress/data/dataset.h"
#include "compress/export/inspect.h"
#include "compress/export/report.h"
#include "compress/job/model_file.h"
#include "compress/models/weights.h"
#include "compress/recipe/load_teacher.h"
#include "compress/train/evaluate.h"
#include "compress/train/network_setup.h"
#include "compress/train/run_folder.h"

namespace compress::job {
namespace {

namespace fs = std::filesystem;

at::Tensor latency_input(const data::Dataset& test, int64_t batch, const at::Device& device) {
  const at::Tensor rows = at::arange(batch).remainder(test.size());
  return data::normalize(test.images.index_select(0, rows), test.normalization).to(device);
}

Measured measure(models::Network& network, const fs::path& file, const train::Experiment& experiment,
                 const data::Dataset& test, const at::Device& device) {
  Measured measured;
  measured.count = count_parameters(network);
  measured.bytes_on_disk = static_cast<int64_t>(fs::file_size(file));
  network.to(device);
  network.eval();
  const train::Evaluation evaluation = train::evaluate(network, test, device, experiment.training.precision);
  measured.accuracy = evaluation.accuracy;
  measured.loss = evaluation.loss;
  const at::NoGradGuard no_grad;
  const at::Tensor input = latency_input(test, experiment.report.latency_batch, device);
  measured.latency = measure_latency([&] {
    // Reading one answer makes the host wait for a GPU.
    network.forward(input).flatten()[0].item<float>();
  });
  return measured;
}

Measured measure_file(const fs::path& file, const train::Experiment& experiment, const data::Dataset& test,
                      const at::Device& device) {
  return measure(*load_model(file).network, file, experiment, test, device);
}

Measured measure_teacher(const recipe::TeacherOptions& teacher, const train::Experiment& experiment,
                         const data::Dataset& test, const at::Device& device) {
  const auto network = recipe::load_teacher(teacher, train::input_shape(test), device);
  const train::RunFolder run(teacher.checkpoint);
  const fs::path file = run.finished() ? run.model() : models::find_weights(teacher.checkpoint);
  return measure(*network, file, experiment, test, device);
}

// Zeros among the weights of the layers that the file holds packed.
double packed_sparsity(const fs::path& path) {
  int64_t weights = 0, zeros = 0;
  for (const LayerSummary& layer : summarize(load_safetensors(path), path.string())) {
    if (!layer.coding.empty()) {
      weights += layer.weights;
      zeros += layer.zero_weights;
    }
  }
  return weights == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(weights);
}

void log_lines(train::Log& log, const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    log.line(line);
  }
}

}  // namespace

void write_run_report(const fs::path& folder, const ReportInputs& inputs, const train::Experiment& experiment,
                      const data::Dataset& test, train::Log& log) {
  const at::Device device = train::choose_device(experiment.device);
  Report report;
  report.device = device_text(device);
  report.batch = experiment.report.latency_batch;
  report.compressed = measure_file(inputs.compressed, experiment, test, device);
  report.sparsity = packed_sparsity(inputs.compressed);
  if (inputs.float_model) {
    report.float_model = measure_file(*inputs.float_model, experiment, test, device);
  }
  if (inputs.teacher) {
    report.teacher = measure_teacher(*inputs.teacher, experiment, test, device);
  }
  write_report(folder, report);
  log_lines(log, report_markdown(report));
  log.line("written: " + (folder / "report.md").string() + ", report.json, " + inputs.compressed.string());
}

}  // namespace compress::job
