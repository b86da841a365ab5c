#include "compress/export/report.h"

#include <pybind11/functional.h>
#include <torch/extension.h>

#include <memory>

#include "bindings/module.h"
#include "bindings/named_tensors.h"
#include "compress/core/error.h"
#include "compress/export/packed.h"

namespace compress::bindings {
namespace {

namespace fs = std::filesystem;
using Release = py::call_guard<py::gil_scoped_release>;

/// (options, scale, zero_point or None)
using QuantizerTuple = std::tuple<quant::QuantizerOptions, at::Tensor, std::optional<at::Tensor>>;

std::optional<QuantizerTensors> quantizer_tensors(const std::optional<QuantizerTuple>& quantizer) {
  if (!quantizer) {
    return std::nullopt;
  }
  const auto& [options, scale, zero_point] = *quantizer;
  return QuantizerTensors{options, scale, zero_point.value_or(at::Tensor())};
}

// A baked weight is on its grid: the integers are those that it was trained with, or it was changed since.
void check_on_grid(const PackedLayer& packed, const at::Tensor& weight) {
  const at::Tensor computed = weight_of(packed).to(weight.scalar_type());
  check(computed.equal(weight.detach().cpu()),
        "its weight is not on the grid that it was finalized with: it was changed since; pack before changing it");
}

void add_layer(DeployedNetwork& network, const std::string& name, const std::string& type, const at::Tensor& weight,
               const std::optional<at::Tensor>& bias, bool batch_norm_folded,
               const std::optional<QuantizerTuple>& weight_quantizer,
               const std::optional<QuantizerTuple>& input_quantizer) {
  const py::gil_scoped_release release;
  try {
    PackedLayer packed = pack_layer({weight, bias.value_or(at::Tensor()), batch_norm_folded,
                                     quantizer_tensors(weight_quantizer), quantizer_tensors(input_quantizer)});
    check_on_grid(packed, weight);
    network.layers.push_back({name, type, std::move(packed)});
  } catch (const Error& error) {
    fail("layer '", name, "' cannot be packed: ", error.what());
  }
}

void set_plain(DeployedNetwork& network, const py::dict& tensors, const std::set<std::string>& parameters) {
  network.plain = named_tensors_from_dict(tensors);
  network.parameters = parameters;
}

double sparsity_of_all(const std::vector<LayerSummary>& layers) {
  int64_t weights = 0, zeros = 0;
  for (const LayerSummary& layer : layers) {
    if (layer.shape.size() > 1) {
      weights += layer.weights;
      zeros += layer.zero_weights;
    }
  }
  return weights == 0 ? 0.0 : static_cast<double>(zeros) / static_cast<double>(weights);
}

void def_deployed_network(py::module_& module) {
  py::class_<DeployedNetwork>(module, "DeployedNetwork", "A Python model in the form in which it is deployed.")
      .def(py::init([](std::vector<std::pair<std::string, std::string>> modules) {
             DeployedNetwork network;
             network.modules = std::move(modules);
             return network;
           }),
           py::arg("modules"))
      .def("add_layer", &add_layer, py::arg("name"), py::arg("type"), py::arg("weight"), py::arg("bias"),
           py::arg("batch_norm_folded"), py::arg("weight_quantizer"), py::arg("input_quantizer"))
      .def("set_plain", &set_plain, py::arg("tensors"), py::arg("parameters"))
      .def_property_readonly("compressed", [](const DeployedNetwork& self) { return !self.layers.empty(); })
      .def(
          "save_packed",
          [](const DeployedNetwork& self, const fs::path& path, const std::map<std::string, std::string>& metadata) {
            save_packed(path, self, metadata);
          },
          py::arg("path"), py::arg("metadata"), Release());
}

py::object grid_object(const std::optional<PackedGrid>& grid) {
  if (!grid) {
    return py::none();
  }
  const at::Tensor zero_point = grid->zero_point.defined() ? grid->zero_point : at::zeros_like(grid->scale, at::kInt);
  return py::make_tuple(grid->scale, zero_point, grid->format.quant_min(grid->symmetric), grid->format.quant_max());
}

// {layer: (weight, bias or None, batch_norm_folded, input grid or None)}, and the other tensors.
py::tuple read_packed_layers(const fs::path& path) {
  const SafetensorsFile file = load_safetensors(path);
  check(is_packed(file), path.string(), ": is not a packed file; load it as a state dict");
  py::dict layers;
  NamedTensors plain;
  for (const auto& [name, tensor] : file.tensors) {
    const auto layer = packed_layer_name(name);
    if (!layer) {
      plain.emplace_back(name, tensor);
      continue;
    }
    const PackedLayer packed = decode_named_layer(path.string(), *layer, tensor);
    layers[py::str(*layer)] =
        py::make_tuple(weight_of(packed), packed.bias.defined() ? py::cast(packed.bias) : py::none(),
                       packed.batch_norm_folded, grid_object(packed.input_grid));
  }
  return py::make_tuple(layers, dict_from_named_tensors(plain));
}

Measured make_measured(const DeployedNetwork& network, std::optional<double> accuracy, std::optional<double> loss,
                       std::optional<int64_t> bytes_on_disk, std::optional<int64_t> state_dict_bytes,
                       std::optional<Latency> latency) {
  return {accuracy, loss, count_parameters(network), bytes_on_disk, state_dict_bytes, latency};
}

void def_measured(py::module_& module) {
  py::class_<Latency>(module, "Latency", "Wall-clock time of one forward pass.")
      .def_readonly("median_ms", &Latency::median_ms)
      .def_readonly("spread_ms", &Latency::spread_ms, "Between the quartiles.");
  py::class_<Measured>(module, "Measured", "What a report says of one model; None where it was not measured.")
      .def(py::init(&make_measured), py::arg("network"), py::arg("accuracy"), py::arg("loss"), py::arg("bytes_on_disk"),
           py::arg("state_dict_bytes"), py::arg("latency"))
      .def_readonly("accuracy", &Measured::accuracy, "Fraction of the test set, 0 to 1.")
      .def_readonly("loss", &Measured::loss)
      .def_property_readonly(
          "parameters", [](const Measured& self) { return self.count.parameters; }, "As deployed.")
      .def_property_readonly("nonzero_parameters", [](const Measured& self) { return self.count.nonzero; })
      .def_readonly("bytes_on_disk", &Measured::bytes_on_disk, "Of its file: packed where it was compressed.")
      .def_readonly("state_dict_bytes", &Measured::state_dict_bytes,
                    "Of an ordinary file of its state dict, where bytes_on_disk is of a packed one.")
      .def_readonly("latency", &Measured::latency);
  // Called with the GIL held, as its Python functions need it.
  module.def("measure_latencies", &measure_latencies, py::arg("forwards"));
  module.def("device_text", &device_text, py::arg("device"));
}

Report make_report(const Measured& before, const Measured& after, const std::optional<Measured>& teacher,
                   const DeployedNetwork& network, const std::string& device, int64_t batch,
                   const std::string& weight_type) {
  Report report;
  report.float_model = before;
  report.teacher = teacher;
  report.compressed = after;
  report.layers = summarize(network);
  if (network.layers.empty()) {
    report.sparsity = sparsity_of_all(report.layers);
    report.sparsity_of = "the layers' weights";
  } else {
    report.sparsity = compressed_sparsity(network);
  }
  report.device = device;
  report.batch = batch;
  report.float_name = "the model before";
  report.weight_type = weight_type;
  return report;
}

void save_report(const Report& report, const fs::path& folder) {
  fs::create_directories(folder);
  write_report(folder, report);
}

}  // namespace

void def_report(py::module_& module) {
  def_deployed_network(module);
  module.def("read_packed_layers", &read_packed_layers, py::arg("path"));
  def_measured(module);
  py::class_<Report>(module, "Report", R"(What compress_ext.report measured: print it, or

    report.verdict            what became smaller or faster, and what did not, in words
    report.save("folder")     writes report.json and report.md)")
      .def(py::init(&make_report), py::arg("before"), py::arg("after"), py::arg("teacher"), py::arg("network"),
           py::arg("device"), py::arg("batch"), py::arg("weight_type"), Release())
      .def_readonly("before", &Report::float_model, "A Measured.")
      .def_readonly("after", &Report::compressed, "A Measured.")
      .def_readonly("teacher", &Report::teacher, "A Measured, or None.")
      .def_readonly("sparsity", &Report::sparsity, "Fraction of zeros among the weights of the compressed layers.")
      .def_readonly("device", &Report::device, "Where latency was measured: 'cpu, 2 threads'.")
      .def_readonly("batch", &Report::batch, "Samples in the forward pass that was measured.")
      .def_property_readonly("verdict", &verdict, "What became smaller or faster, and what did not, in words.")
      .def("json", &report_json, "Text with the keys of a run's report.json.")
      .def("markdown", &report_markdown, "Tables of models and layers, and the verdict.")
      .def("save", &save_report, py::arg("folder"), Release(), "Writes report.json and report.md; makes the folder.")
      .def("__str__", &report_text)
      .def("_repr_markdown_", &report_markdown);
}

}  // namespace compress::bindings
