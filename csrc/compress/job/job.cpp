#include "compress/job/job.h"

#include <ATen/Parallel.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "compress/config/config.h"
#include "compress/core/error.h"
#include "compress/data/sampler.h"
#include "compress/job/folder_lock.h"
#include "compress/job/model_file.h"
#include "compress/job/reporting.h"
#include "compress/optim/learning_rate.h"
#include "compress/optim/optimizer.h"
#include "compress/recipe/compressor.h"
#include "compress/recipe/load_teacher.h"
#include "compress/recipe/network_layers.h"
#include "compress/train/evaluate.h"
#include "compress/train/metrics_writer.h"
#include "compress/train/network_setup.h"
#include "compress/train/progress.h"
#include "compress/train/trainer.h"

namespace compress::job {
namespace {

namespace fs = std::filesystem;

const recipe::TeacherOptions* teacher_options(const train::Experiment& experiment) {
  for (const recipe::MethodOptions& method : experiment.compression) {
    if (const auto* distill = std::get_if<recipe::DistillOptions>(&method)) {
      return &distill->teacher.value();
    }
  }
  return nullptr;
}

train::Experiment plain(train::Experiment experiment) {
  experiment.compression.clear();
  return experiment;
}

RunLength length_of(const train::Experiment& experiment, const data::DatasetPair& data) {
  const data::BatchPlan plan(data.train.size(), experiment.data.batch_size);
  return train::run_length(experiment.training, plan.batches());
}

// A weights file cannot be trained into: it is used as it is.
bool trains_teacher(const recipe::TeacherOptions& teacher) {
  return teacher.train && !fs::is_regular_file(teacher.checkpoint);
}

// Whether this run trains a teacher that has no weights yet. A folder cut off before its first checkpoint has none.
bool awaits_teacher(const recipe::MethodOptions& method) {
  const auto* distill = std::get_if<recipe::DistillOptions>(&method);
  if (distill == nullptr || !trains_teacher(*distill->teacher)) {
    return false;
  }
  const train::RunFolder folder(distill->teacher->checkpoint);
  return !folder.finished() && !folder.latest_checkpoint();
}

// Lengths that come to no steps show when the first step asks for them: too late.
void check_lengths(const train::Experiment& experiment, const RunLength& run) {
  optim::learning_rate(experiment.learning_rate, optim::base_lr(experiment.optimizer), run.total_steps - 1, run);
  const recipe::TeacherOptions* teacher = teacher_options(experiment);
  check<UsageError>(teacher == nullptr || !trains_teacher(*teacher) || teacher->duration.resolve(run) > 0,
                    "distill.teacher.duration: ", teacher == nullptr ? "" : teacher->duration.text(),
                    " comes to no steps");
}

// A recipe that does not fit must fail now, before a folder is made and not after a teacher has trained for hours.
// Distillation from a teacher that does not exist yet is the one part that cannot be tried.
void check_recipe(const train::Experiment& experiment, const data::DatasetPair& data) {
  std::vector<recipe::MethodOptions> methods;
  for (const recipe::MethodOptions& method : experiment.compression) {
    if (!awaits_teacher(method)) {
      methods.push_back(method);
    }
  }
  const models::InputShape shape = train::input_shape(data.train);
  const auto network = models::make_network(experiment.model, shape);
  const auto forward = [&](const at::Tensor& input) { return network->forward(input); };
  check_lengths(experiment, length_of(experiment, data));
  recipe::Compressor(methods, recipe::make_attachment(*network, forward, shape, at::kCPU, length_of(experiment, data)));
}

std::string read_text(const fs::path& path) {
  std::ifstream stream(path);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// The first line in which two configs differ, for a message.
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream old_lines(before), new_lines(now);
  std::string old_line, new_line;
  while (true) {
    const bool more_old = static_cast<bool>(std::getline(old_lines, old_line));
    const bool more_new = static_cast<bool>(std::getline(new_lines, new_line));
    if (!more_old && !more_new) {
      return "";
    }
    if (!more_old || !more_new || old_line != new_line) {
      return concat("'", more_old ? old_line : "", "' became '", more_new ? new_line : "", "'");
    }
  }
}

void open_folder(const train::Experiment& experiment, const train::RunFolder& folder, bool resume) {
  const std::string effective = config::to_yaml(experiment);
  if (!resume) {
    folder.create_new();
    train::write_text_atomically(folder.config(), effective);
    return;
  }
  check<UsageError>(fs::exists(folder.config()), folder.path().string(),
                    ": holds no run to resume; start it without --resume");
  const std::string before = read_text(folder.config());
  check<UsageError>(before == effective, folder.config().string(),
                    ": the run began with another config: ", first_difference(before, effective),
                    "; resume with the config it began with");
}

// A teacher trained on other data or with other preprocessing loads well and teaches nonsense: its accuracy shows it.
void log_teacher_accuracy(const recipe::TeacherOptions& teacher, const train::Experiment& experiment,
                          const data::DatasetPair& data, train::Log& log) {
  const at::Device device = train::choose_device(experiment.device);
  const auto network = recipe::load_teacher(teacher, train::input_shape(data.train), device);
  const double accuracy = train::evaluate(*network, data.test, device, experiment.training.precision).accuracy;
  char text[64];
  std::snprintf(text, sizeof text, "teacher: test accuracy %.2f%%", 100 * accuracy);
  log.line(text);
}

void log_plan(train::Log& log, const std::vector<recipe::PlanRow>& plan) {
  size_t layer_width = 0, method_width = 0;
  for (const recipe::PlanRow& row : plan) {
    layer_width = std::max(layer_width, row.layer.size());
    method_width = std::max(method_width, row.method.size());
  }
  for (const recipe::PlanRow& row : plan) {
    log.line("  " + row.layer + std::string(layer_width - row.layer.size() + 2, ' ') + row.method +
             std::string(method_width - row.method.size() + 2, ' ') + row.action);
  }
}

}  // namespace

train::RunFolder run_folder(const train::Experiment& experiment) {
  return train::RunFolder(fs::path(experiment.output) / experiment.name);
}

void train_network(const train::Experiment& experiment, const data::DatasetPair& data, const train::RunFolder& folder,
                   const std::string& title, const std::shared_ptr<train::Log>& log, bool resume,
                   const Observers& observers) {
  if (resume && folder.finished()) {
    log->line(title + ": finished already, " + folder.model().string());
    return;
  }
  fs::create_directories(folder.path());
  train::Trainer trainer(experiment, data, folder);
  const std::optional<fs::path> checkpoint = resume ? folder.latest_checkpoint() : std::nullopt;
  if (checkpoint) {
    trainer.load(*checkpoint);
    log->line(title + ": goes on after step " + std::to_string(trainer.state().step));
  }
  log_plan(*log, trainer.compressor().plan());
  trainer.add_observer(std::make_shared<train::MetricsWriter>(folder.metrics()));
  trainer.add_observer(std::make_shared<train::Progress>(log, title));
  for (const auto& observer : observers) {
    trainer.add_observer(observer);
  }
  trainer.run();
  save_model(folder.model(), trainer.network(), {experiment.model, trainer.shape()});
}

void run_experiment(const train::Experiment& experiment, bool resume, const Observers& observers) {
  if (experiment.threads > 0) {
    at::set_num_threads(static_cast<int>(experiment.threads));
  }
  train::choose_device(experiment.device);  // before any network: torch must not be asked about CUDA earlier
  const data::DatasetPair data = data::load_dataset(experiment.data);
  check_recipe(experiment, data);
  const train::RunFolder folder = run_folder(experiment);
  open_folder(experiment, folder, resume);
  const auto log = std::make_shared<train::Log>(folder.log());
  log->line("run folder: " + folder.path().string());

  const recipe::TeacherOptions* teacher = teacher_options(experiment);
  if (teacher != nullptr && trains_teacher(*teacher)) {
    const train::RunFolder teacher_folder(teacher->checkpoint);
    train::Experiment teacher_experiment = plain(experiment);
    teacher_experiment.model = teacher->model;
    teacher_experiment.training.duration =
        Duration::steps(static_cast<double>(teacher->duration.resolve(length_of(experiment, data))));
    // A teacher is shared by many runs: one that is there is used, one that was cut off goes on.
    const FolderLock lock(teacher_folder.path(), *log);  // runs of a sweep share their teacher
    train_network(teacher_experiment, data, teacher_folder, "teacher", log, /*resume=*/true, observers);
  }
  if (teacher != nullptr) {
    log_teacher_accuracy(*teacher, experiment, data, *log);
  }
  const train::RunFolder baseline_folder(folder.path() / "baseline");
  if (experiment.report.baseline) {
    train_network(plain(experiment), data, baseline_folder, "baseline", log, resume, observers);
  }
  train_network(experiment, data, folder, experiment.compression.empty() ? "network" : "student", log, resume,
                observers);

  ReportInputs inputs;
  inputs.compressed = folder.model();
  if (experiment.report.baseline) {
    inputs.float_model = baseline_folder.model();
  }
  if (teacher != nullptr) {
    inputs.teacher = *teacher;
  }
  write_run_report(folder.path(), inputs, experiment, data.test, *log);
}

}  // namespace compress::job
