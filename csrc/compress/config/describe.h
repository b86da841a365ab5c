#pragma once

#include "compress/config/visitor.h"
#include "compress/train/options.h"

namespace compress::config {

// What configs say about each block of options, once: keys, meaning, ranges, rules between keys.

void describe(Visitor& v, train::Experiment& options);
void describe(Visitor& v, train::TrainingOptions& options);
void describe(Visitor& v, train::ReportOptions& options);
void describe(Visitor& v, data::DataOptions& options);
void describe(Visitor& v, data::AugmentOptions& options);
void describe(Visitor& v, models::ConvnetOptions& options);
void describe(Visitor& v, models::MlpOptions& options);
void describe(Visitor& v, models::ResnetOptions& options);
void describe(Visitor& v, optim::SgdOptions& options);
void describe(Visitor& v, optim::AdamwOptions& options);
void describe(Visitor& v, optim::LearningRateOptions& options);
void describe(Visitor& v, recipe::PruneOptions& options);
void describe(Visitor& v, recipe::PruneOptions::Schedule& options);
void describe(Visitor& v, recipe::QuantizeOptions& options);
void describe(Visitor& v, recipe::DistillOptions& options);
void describe(Visitor& v, recipe::TeacherOptions& options);
void describe(Visitor& v, recipe::KlTerm& options);
void describe(Visitor& v, recipe::FeatureTerm& options);

/// The key `model` of a block.
void describe_model(Visitor& v, models::ModelOptions& model, const char* help);
/// The key `compression` of a block: a recipe.
void describe_compression(Visitor& v, std::vector<recipe::MethodOptions>& compression);

}  // namespace compress::config
