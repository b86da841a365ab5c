#pragma once

#include <memory>
#include <vector>

#include "compress/data/dataset.h"
#include "compress/train/log.h"
#include "compress/train/observer.h"
#include "compress/train/options.h"
#include "compress/train/run_folder.h"

namespace compress::job {

using Observers = std::vector<std::shared_ptr<train::TrainingObserver>>;

/// Where an experiment's run lies: <output>/<name>.
train::RunFolder run_folder(const train::Experiment& experiment);

/// A whole `compress-ext train`: checks that the recipe fits the network, trains the teacher where it is missing and
/// the plain baseline where it is asked for, trains and compresses, writes the final model and the report.
///
/// Without `resume` the run folder must be new. With it, what is finished is kept, what was begun goes on from its
/// newest checkpoint, the rest starts. `observers` look on at every training of the job. Raises UsageError, Error,
/// train::Diverged, train::Interrupted.
void run_experiment(const train::Experiment& experiment, bool resume, const Observers& observers = {});

/// Trains one network into `folder` (checkpoints, metrics, model.safetensors), or goes on with it, or does nothing
/// where it is finished. `title` names it in progress lines.
void train_network(const train::Experiment& experiment, const data::DatasetPair& data, const train::RunFolder& folder,
                   const std::string& title, const std::shared_ptr<train::Log>& log, bool resume,
                   const Observers& observers = {});

}  // namespace compress::job
