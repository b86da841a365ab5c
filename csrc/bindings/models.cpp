#include <torch/extension.h>

#include <array>

#include "bindings/module.h"
#include "bindings/named_tensors.h"
#include "bindings/yaml_text.h"
#include "compress/config/config.h"
#include "compress/core/error.h"
#include "compress/models/network.h"
#include "compress/models/weights.h"

namespace compress::bindings {
namespace {

using models::Network;
using NetworkPointer = std::shared_ptr<Network>;
using Release = py::call_guard<py::gil_scoped_release>;

NetworkPointer make(const py::object& options, const std::array<int64_t, 3>& input_shape, int64_t classes) {
  const std::string text = yaml_text(options);
  const auto [channels, height, width] = input_shape;
  check<UsageError>(channels > 0 && height > 0 && width > 0 && classes > 0,
                    "models.make: input_shape and classes must be positive (got (", channels, ", ", height, ", ", width,
                    ") and ", classes, ")");
  const py::gil_scoped_release release;
  return models::make_network(config::parse_model(text, "models.make"), {channels, height, width, classes});
}

// As torch's state_dict: the network's memory without its graph.
py::dict state_dict(const Network& network) {
  NamedTensors tensors = models::state_dict(network);
  for (auto& [name, tensor] : tensors) {
    tensor = tensor.detach();
  }
  return dict_from_named_tensors(tensors);
}

void load_state_dict(Network& network, const py::dict& tensors) {
  const NamedTensors named = named_tensors_from_dict(tensors);
  const py::gil_scoped_release release;
  models::load_state_dict(network, named, "state_dict");
}

std::vector<std::pair<std::string, at::Tensor>> named_parameters(const Network& network) {
  std::vector<std::pair<std::string, at::Tensor>> result;
  for (const auto& item : network.named_parameters()) {
    result.emplace_back(item.key(), item.value());
  }
  return result;
}

NetworkPointer to(const NetworkPointer& network, const py::object& device) {
  const auto parsed = py::module_::import("torch").attr("device")(device).cast<at::Device>();
  const py::gil_scoped_release release;
  network->to(parsed);
  return network;
}

std::string repr(const Network& network) {
  std::ostringstream text;
  text << network;
  return text.str();
}

}  // namespace

void def_models(py::module_& module) {
  py::class_<Network, NetworkPointer>(module, "Network",
                                      R"(A C++ network: images [N, C, H, W] in, logits [N, classes] out.

Parameters and buffers are the network's own tensors: an optimizer of torch.optim trains it, autograd runs through it,
and names are those of checkpoints. Made by models.make and models.load, and owned by a Trainer.)")
      .def("forward", &Network::forward, py::arg("images"), Release(),
           "Logits [N, classes] of float32 images [N, C, H, W] on the network's device.")
      .def("__call__", &Network::forward, py::arg("images"), Release())
      .def(
          "parameters", [](const Network& self) { return self.parameters(); }, "The parameters, a list.")
      .def("named_parameters", &named_parameters, "[(dotted name, parameter), ...].")
      .def("state_dict", &state_dict,
           "Parameters and buffers by dotted name: plain tensors that share the network's memory.")
      .def("load_state_dict", &load_state_dict, py::arg("tensors"),
           "Copies tensors in. Raises compress_ext.Error that names the first ones missing, unknown or of another "
           "shape, "
           "before anything is written.")
      .def(
          "train",
          [](const NetworkPointer& self, bool mode) {
            self->train(mode);
            return self;
          },
          py::arg("mode") = true, "Training mode, or evaluation mode for mode=False; returns the network.")
      .def(
          "eval",
          [](const NetworkPointer& self) {
            self->eval();
            return self;
          },
          "Evaluation mode: batch norms use their running statistics; returns the network.")
      .def_property_readonly("training", [](const Network& self) { return self.is_training(); })
      .def("to", &to, py::arg("device"), "Moves parameters and buffers to a device, in place; returns the network.")
      .def("__repr__", &repr);

  module.def("make_network", &make, py::arg("options"), py::arg("input_shape"), py::arg("classes"));
}

}  // namespace compress::bindings
