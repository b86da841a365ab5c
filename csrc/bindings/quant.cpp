#include <torch/extension.h>

#include "bindings/module.h"
#include "compress/core/error.h"
#include "compress/core/names.h"
#include "compress/quant/quantizer_state.h"

namespace compress {

// A role is no key of a config, so that its names are Python's alone.
template <>
inline constexpr auto enum_names<quant::Role> = std::to_array<EnumName<quant::Role>>({
    {quant::Role::weight, "weight", ""},
    {quant::Role::activation, "activation", ""},
});

}  // namespace compress

namespace compress::bindings {
namespace {

using quant::Granularity;
using quant::ObserverType;
using quant::QuantizerOptions;
using quant::Role;
using quant::ScaleSource;
using Release = py::call_guard<py::gil_scoped_release>;

Role role_from_name(const std::string& name) {
  return enum_from_name<Role>("QuantizerState: role", name);
}

IntegerFormat format_from_name(const std::string& name) {
  if (const auto format = parse_integer_format(name)) {
    return *format;
  }
  std::vector<std::string> known;
  for (int bits = max_integer_bits; bits >= min_integer_bits; --bits) {
    known.push_back(IntegerFormat{bits}.name());
  }
  fail<UsageError>("QuantizerOptions: format: unknown '", name, "' (allowed: ", known.back(), " to ", known.front(),
                   ")", did_you_mean(name, known));
}

void check_options(const QuantizerOptions& o) {
  const bool grouped = o.granularity == Granularity::group;
  check<UsageError>(!grouped || o.group_size >= 1, "QuantizerOptions: group_size counts neighbours that share a scale ",
                    "(got ", o.group_size, ", expected 1 or more with granularity 'group')");
  check<UsageError>(grouped || o.group_size == 0, "QuantizerOptions: group_size is for granularity 'group' (got ",
                    o.group_size, " with '", enum_name(o.granularity), "')");
  check<UsageError>(o.averaging > 0 && o.averaging <= 1, "QuantizerOptions: averaging is the weight of the newest ",
                    "batch (got ", o.averaging, ", expected above 0 and at most 1)");
  check<UsageError>(o.percentile > 50 && o.percentile <= 100,
                    "QuantizerOptions: percentile is the upper one kept (got ", o.percentile,
                    ", expected above 50 and at most 100)");
}

QuantizerOptions make_options(const std::string& format, const std::string& granularity, int64_t group_size,
                              bool symmetric, const std::string& scale, const std::string& observer, double averaging,
                              double percentile) {
  QuantizerOptions options;
  options.format = format_from_name(format);
  options.granularity = enum_from_name<Granularity>("QuantizerOptions: granularity", granularity);
  options.group_size = group_size;
  options.symmetric = symmetric;
  options.scale = enum_from_name<ScaleSource>("QuantizerOptions: scale", scale);
  options.observer = enum_from_name<ObserverType>("QuantizerOptions: observer", observer);
  options.averaging = averaging;
  options.percentile = percentile;
  check_options(options);
  return options;
}

std::string repr(const QuantizerOptions& o) {
  return concat("QuantizerOptions(format='", o.format.name(), "', granularity='", enum_name(o.granularity),
                "', group_size=", o.group_size, ", symmetric=", o.symmetric ? "True" : "False", ", scale='",
                enum_name(o.scale), "', observer='", enum_name(o.observer), "', averaging=", o.averaging,
                ", percentile=", o.percentile, ")");
}

void def_options(py::module_& module) {
  const QuantizerOptions defaults;
  py::class_<QuantizerOptions>(module, "QuantizerOptions", R"(How one tensor is quantized.

format       'int2' ... 'int8'
granularity  'tensor': one scale; 'channel': one per output channel of a weight, per channel of an activation; 'group':
             one per group_size neighbouring inputs of each output of a weight
group_size   elements, with 'group' only; divides the weight's inputs
symmetric    zero point 0 and the narrow grid (int8: -127 to 127); else the full grid with a zero point
scale        'observed': from the observer's range; 'learned': trained by its gradient (LSQ, Esser et al. 2020)
observer     'min_max', 'moving_average' (of each batch's range), 'percentile' (average of each batch's percentiles)
averaging    weight of the newest batch in an average, (0, 1]
percentile   upper percentile kept, (50, 100]; the lower one mirrors it

Raises UsageError that names the argument, what it allows and the nearest name.)")
      .def(py::init(&make_options), py::kw_only(), py::arg("format") = defaults.format.name(),
           py::arg("granularity") = enum_name(defaults.granularity), py::arg("group_size") = defaults.group_size,
           py::arg("symmetric") = defaults.symmetric, py::arg("scale") = enum_name(defaults.scale),
           py::arg("observer") = enum_name(defaults.observer), py::arg("averaging") = defaults.averaging,
           py::arg("percentile") = defaults.percentile)
      .def_property_readonly("format", [](const QuantizerOptions& self) { return self.format.name(); })
      .def_property_readonly("granularity", [](const QuantizerOptions& self) { return enum_name(self.granularity); })
      .def_readonly("group_size", &QuantizerOptions::group_size)
      .def_readonly("symmetric", &QuantizerOptions::symmetric)
      .def_property_readonly("scale", [](const QuantizerOptions& self) { return enum_name(self.scale); })
      .def_property_readonly("observer", [](const QuantizerOptions& self) { return enum_name(self.observer); })
      .def_readonly("averaging", &QuantizerOptions::averaging)
      .def_readonly("percentile", &QuantizerOptions::percentile)
      .def_property_readonly("quant_min", &QuantizerOptions::quant_min, "The smallest integer of the grid.")
      .def_property_readonly("quant_max", &QuantizerOptions::quant_max, "The largest integer of the grid.")
      .def(
          "__eq__", [](const QuantizerOptions& a, const QuantizerOptions& b) { return repr(a) == repr(b); },
          py::is_operator())
      .def("__repr__", &repr)
      .def(py::pickle(
          [](const QuantizerOptions& o) {
            return py::make_tuple(o.format.name(), enum_name(o.granularity), o.group_size, o.symmetric,
                                  enum_name(o.scale), enum_name(o.observer), o.averaging, o.percentile);
          },
          [](const py::tuple& t) {
            return make_options(t[0].cast<std::string>(), t[1].cast<std::string>(), t[2].cast<int64_t>(),
                                t[3].cast<bool>(), t[4].cast<std::string>(), t[5].cast<std::string>(),
                                t[6].cast<double>(), t[7].cast<double>());
          }));
  module.def("default_weight_options", &quant::default_weight_options);
  module.def("default_activation_options", &quant::default_activation_options);
}

/// A state with what the engine's functions ask for beside it.
struct Quantizer {
  QuantizerOptions options;
  Role role;
  quant::QuantizerState state;
};

Quantizer make_state(const QuantizerOptions& options, const std::string& role, const std::vector<int64_t>& sizes,
                     const at::Device& device) {
  const Role parsed = role_from_name(role);
  return {options, parsed, quant::make_state(options, quant::scale_sizes(options, parsed, sizes), device)};
}

// The engine reads and writes the new tensor from now on: it must be what the old one was.
void replace(at::Tensor& held, const char* name, const at::Tensor& given) {
  check<UsageError>(held.defined(), "QuantizerState: a symmetric quantizer has no ", name);
  check<UsageError>(given.scalar_type() == held.scalar_type() && given.sizes() == held.sizes() && given.is_contiguous(),
                    "QuantizerState: ", name, " must be contiguous ", held.scalar_type(), " ", held.sizes(), " (got ",
                    given.scalar_type(), " ", given.sizes(), given.is_contiguous() ? "" : ", not contiguous", ")");
  held = given;
}

using StateTensor = at::Tensor quant::QuantizerState::*;

void def_tensor(py::class_<Quantizer>& type, const char* name, StateTensor tensor, const char* doc) {
  type.def_property(
      name, [tensor](const Quantizer& self) { return self.state.*tensor; },
      [tensor, name](Quantizer& self, const at::Tensor& value) { replace(self.state.*tensor, name, value); }, doc);
}

void def_state(py::module_& module) {
  py::class_<Quantizer> type(module, "QuantizerState", R"(The tensors of one quantizer and what is done with them.

Made by quant.make_state(options, role, sizes). Calls change the tensors in place, without waiting for the device; a
tensor may be replaced by one of the same shape and type, such as a parameter or a buffer of a module.)");
  def_tensor(type, "scale", &quant::QuantizerState::scale,
             "float32; its shape is the granularity. Where learned, a parameter: call requires_grad_() on it.");
  def_tensor(type, "zero_point", &quant::QuantizerState::zero_point,
             "Of scale's shape, int32, float32 where learned; None where symmetric.");
  def_tensor(type, "min", &quant::QuantizerState::min, "float32, the observed minimum; +inf before the first one.");
  def_tensor(type, "max", &quant::QuantizerState::max, "float32, the observed maximum; -inf before the first one.");
  type.def_readonly("options", &Quantizer::options)
      .def_property_readonly("role", [](const Quantizer& self) { return enum_name(self.role); })
      .def(
          "observe_",
          [](Quantizer& self, const at::Tensor& x) { quant::observe_(self.state, self.options, self.role, x); },
          py::arg("x"), Release(), "Takes the range of x into min and max, and scale and zero_point from the range.")
      .def(
          "initialize_learned_",
          [](Quantizer& self, const at::Tensor& x) {
            quant::initialize_learned_(self.state, self.options, self.role, x);
          },
          py::arg("x"), Release(),
          "First values of a learned scale from the first x: 2 * mean|x| / sqrt(quant_max) where symmetric (Esser et "
          "al. 2020), else the range of x (LSQ+, Bhalgat et al. 2020).")
      .def(
          "apply",
          [](const Quantizer& self, const at::Tensor& x, const std::optional<at::Tensor>& mask) {
            return quant::apply(self.state, self.options, x, mask);
          },
          py::arg("x"), py::arg("mask") = py::none(), Release(),
          "ops.fake_quantize of x on this grid, with the packed mask of a pruned weight where there is one. "
          "Differentiable in x and in a learned scale and zero_point, whose gradients have LSQ's factor.")
      .def(
          "quantize",
          [](const Quantizer& self, const at::Tensor& x) { return quant::quantize(self.state, self.options, x); },
          py::arg("x"), Release(), "The integers of x on this grid, int8; dequantize(quantize(x)) equals apply(x).")
      .def(
          "dequantize",
          [](const Quantizer& self, const at::Tensor& integers) {
            return quant::dequantize(integers, self.state.scale, self.state.zero_point);
          },
          py::arg("integers"), Release(), "float32: (integers - zero_point) * scale.");
  module.def("make_state", &make_state, py::arg("options"), py::arg("role"), py::arg("sizes"), py::arg("device"));
}

}  // namespace

void def_quant(py::module_& module) {
  def_options(module);
  def_state(module);
  module.def(
      "scale_sizes",
      [](const QuantizerOptions& options, const std::string& role, const std::vector<int64_t>& sizes) {
        return py::tuple(py::cast(quant::scale_sizes(options, role_from_name(role), sizes)));
      },
      py::arg("options"), py::arg("role"), py::arg("sizes"));
  module.def(
      "observation",
      [](const QuantizerOptions& options, const std::string& role) {
        const quant::Observation how = quant::observation(options, role_from_name(role));
        return py::make_tuple(how.averaging, how.forget, how.percentile);
      },
      py::arg("options"), py::arg("role"));
  module.def(
      "make_tensors",
      [](const QuantizerOptions& options, const std::vector<int64_t>& scale_sizes, const at::Device& device) {
        const quant::QuantizerState state = quant::make_state(options, scale_sizes, device);
        return py::make_tuple(state.scale, state.zero_point, state.min, state.max);
      },
      py::arg("options"), py::arg("scale_sizes"), py::arg("device"));
  module.def("gradient_factor", &quant::gradient_factor, py::arg("options"), py::arg("x"), py::arg("scale"));
  module.def("keep_positive_", &quant::keep_positive_, py::arg("scales"), Release());
}

}  // namespace compress::bindings
