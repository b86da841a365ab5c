#include <algorithm>
#include <array>

#include "compress/config/describe.h"
#include "compress/config/node.h"
#include "compress/quant/quantizer_state.h"

namespace compress::config {
namespace {

// Durations of different units have no order before the run's length is known.
bool comes_before(const Duration& a, const Duration& b) {
  return a.unit == b.unit && a.value < b.value;
}

void describe_quantizer(Visitor& v, quant::QuantizerOptions& o, quant::Role role) {
  using quant::Granularity;
  using quant::ObserverType;
  const bool of_weight = role == quant::Role::weight;
  v.field("format", o.format, "The integers.");
  v.field(
      "granularity", o.granularity,
      of_weight ? "How many elements share one scale." : "How many elements share one scale; `group` is for weights.");
  if (of_weight) {
    const Condition group{o.granularity == Granularity::group, "granularity: group"};
    v.field("group_size", o.group_size,
            "Neighbouring inputs that share a scale; divides the layer's inputs (channels of a convolution).",
            {.range = at_least(1), .when = group, .required = true});
  } else {
    v.require(o.granularity != Granularity::group, "granularity",
              "'group' is for weights; an activation takes tensor or channel");
  }
  v.field("symmetric", o.symmetric, "Zero point 0 and the narrow grid (int8: -127 to 127); else the full grid.");
  v.field("scale", o.scale, "Where the scale comes from.");
  v.field("observer", o.observer, "The range that scales are taken from.");
  v.field("averaging", o.averaging, "Weight of the newest batch in an average.",
          {.range = left_open(0, 1),
           .when = {o.observer != ObserverType::min_max, "observer: moving_average or percentile"}});
  v.field("percentile", o.percentile, "Upper percentile kept; the lower one mirrors it.",
          {.range = left_open(50, 100), .when = {o.observer == ObserverType::percentile, "observer: percentile"}});
}

template <typename Method>
void require_at_most_one(Visitor& v, const std::vector<recipe::MethodOptions>& compression) {
  const auto is_method = [](const auto& method) { return std::holds_alternative<Method>(method); };
  const auto first = std::find_if(compression.begin(), compression.end(), is_method);
  const auto second = first == compression.end() ? first : std::find_if(first + 1, compression.end(), is_method);
  v.require(second == compression.end(), joined_path("compression", static_cast<size_t>(second - compression.begin())),
            concat("is a second '", type_name<Method>.name, "' block; a recipe has one of each method at most"));
}

}  // namespace

void describe_compression(Visitor& v, std::vector<recipe::MethodOptions>& compression) {
  v.field("compression", compression, "The recipe: methods that work together; empty = plain training.");
  require_at_most_one<recipe::PruneOptions>(v, compression);
  require_at_most_one<recipe::QuantizeOptions>(v, compression);
  require_at_most_one<recipe::DistillOptions>(v, compression);
}

void describe(Visitor& v, recipe::PruneOptions& o) {
  v.field("pattern", o.pattern, "What goes together.");
  v.field("criterion", o.criterion, "What goes first.");
  v.field("scope", o.scope, "Where weights compete.");
  v.field("sparsity", o.sparsity, "Share of the weights that end at zero.", {.range = right_open(0, 1)});
  v.field("schedule", o.schedule, "When they go.");
  v.require(o.schedule.initial <= o.sparsity, "schedule.initial",
            concat("must not be above sparsity (got ", o.schedule.initial, " and ", o.sparsity, ")"));
  v.field("include", o.include, "Layers by name, pattern (`block*`) or type (`Conv2d`); empty = all.");
  v.field("exclude", o.exclude, "Layers to leave out, in the same way.");
}

void describe(Visitor& v, recipe::PruneOptions::Schedule& o) {
  v.field("type", o.type, "How sparsity grows (cubic: Zhu & Gupta 2017).");
  const Condition cubic{o.type == prune::ScheduleType::cubic, "type: cubic"};
  v.field("start", o.start, "First pruning.");
  v.field("end", o.end, "The full sparsity is reached.", {.when = cubic});
  v.require(!cubic.holds || !comes_before(o.end, o.start), "end",
            concat("must not lie before start (got ", o.end.text(), " and ", o.start.text(), ")"));
  v.field("every", o.every, "Optimizer steps between prunings; the network recovers in between.",
          {.range = at_least(1), .when = cubic});
  v.field("initial", o.initial, "Sparsity at `start`.", {.range = right_open(0, 1), .when = cubic});
}

void describe(Visitor& v, recipe::QuantizeOptions& o) {
  v.optional_block("weight", o.weight, "Quantizer of the layers' weights.",
                   [](Visitor& v, auto& weight) { describe_quantizer(v, weight, quant::Role::weight); });
  v.optional_block("activation", o.activation, "Quantizer of the layers' inputs.",
                   [](Visitor& v, auto& activation) { describe_quantizer(v, activation, quant::Role::activation); });
  v.require(o.weight || o.activation, "activation",
            "weight and activation are both 'none'; nothing is left to quantize");
  v.field("start", o.start, "Training is in float before.");
  v.field(
      "freeze_observers", o.freeze_observers,
      "Observers and batch-norm statistics stand still from here on, so that training sees the deployed arithmetic.");
  v.require(o.start.unit != o.freeze_observers.unit || comes_before(o.start, o.freeze_observers), "freeze_observers",
            concat("must come after start (got ", o.freeze_observers.text(), " and ", o.start.text(), ")"));
  v.field("include", o.include, "Layers by name, pattern (`block*`) or type (`Conv2d`); empty = all.");
  v.field("exclude", o.exclude, "Layers to leave out, in the same way.");
}

void describe(Visitor& v, recipe::DistillOptions& o) {
  v.optional_block("teacher", o.teacher, "The network to learn from; `none` in Python, where it is at hand.",
                   [](Visitor& v, auto& teacher) { describe(v, teacher); });
  v.field("task_weight", o.task_weight, "Multiplies the loss on the labels.", {.range = at_least(0)});
  v.field("losses", o.losses, "Terms added to it.");
  v.require(!o.losses.empty(), "losses", "needs at least one term, as [{type: kl}]");
}

void describe(Visitor& v, recipe::TeacherOptions& o) {
  describe_model(v, o.model, "What the teacher is.");
  v.field("checkpoint", o.checkpoint, "Its weights: run folder, checkpoint folder or `.safetensors` file.",
          {.required = true});
  v.field("train", o.train,
          "Where `checkpoint` does not exist: train the teacher there first, with this file's settings.");
  v.field("duration", o.duration, "How long that training is; `100%` is as long as this run.");
}

void describe(Visitor& v, recipe::KlTerm& o) {
  v.field("temperature", o.temperature, "Divides the logits; above 1 it shows what the teacher finds similar.",
          {.range = above(0)});
  v.field("weight", o.weight, "Multiplies the term.", {.range = at_least(0)});
}

void describe(Visitor& v, recipe::FeatureTerm& o) {
  v.field("loss", o.loss, "How features are compared.");
  v.field("taps", o.taps, "Student layer: teacher layer.", {.required = true});
  v.require(!o.taps.empty(), "taps", "needs at least one pair, as {block3: block3}");
  v.field("weight", o.weight, "Multiplies the term.", {.range = at_least(0)});
}

}  // namespace compress::config
