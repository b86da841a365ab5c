#include "bindings/python_network.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace compress::bindings {
namespace {

/// A Python object that C++ keeps: it is let go with the GIL held, whoever lets it go.
class Kept {
 public:
  explicit Kept(py::object object)
      : object_(new py::object(std::move(object)), [](py::object* held) {
          const py::gil_scoped_acquire gil;
          delete held;
        }) {}

  /// Calls a method and converts its answer.
  template <typename Result = void, typename... Arguments>
  Result call(const char* method, Arguments&&... arguments) const {
    const py::gil_scoped_acquire gil;
    const py::object result = object_->attr(method)(std::forward<Arguments>(arguments)...);
    if constexpr (!std::is_void_v<Result>) {
      return result.template cast<Result>();
    }
  }

  /// Calls a method that may answer None.
  template <typename... Arguments>
  std::optional<Kept> call_optional(const char* method, Arguments&&... arguments) const {
    const py::gil_scoped_acquire gil;
    py::object result = object_->attr(method)(std::forward<Arguments>(arguments)...);
    return result.is_none() ? std::nullopt : std::optional<Kept>(std::move(result));
  }

 private:
  std::shared_ptr<py::object> object_;
};

class PythonQuantizer : public recipe::QuantizerSlot {
 public:
  explicit PythonQuantizer(Kept quantizer) : quantizer_(std::move(quantizer)) {}

  void set_phase(bool enabled, bool observing) override { quantizer_.call("set_phase", enabled, observing); }
  void set_initialized(bool initialized) override { quantizer_.call("set_initialized", initialized); }
  at::Tensor scale() const override { return quantizer_.call<at::Tensor>("scale_part"); }

 private:
  Kept quantizer_;
};

class PythonLayer : public recipe::Layer {
 public:
  explicit PythonLayer(Kept layer)
      : layer_(std::move(layer)), name_(layer_.call<std::string>("name")), type_(layer_.call<std::string>("type")) {}

  const std::string& name() const override { return name_; }
  std::string type() const override { return type_; }
  std::string tied_to() const override { return layer_.call<std::string>("tied_to"); }
  at::Tensor weight() const override { return layer_.call<at::Tensor>("weight"); }
  at::Tensor weight_mask() const override { return layer_.call<at::Tensor>("weight_mask"); }
  at::Tensor weight_part() const override { return layer_.call<at::Tensor>("weight_part"); }
  at::Tensor weight_mask_part() const override { return layer_.call<at::Tensor>("weight_mask_part"); }
  void add_weight_mask() override { layer_.call("add_weight_mask"); }
  std::unique_ptr<recipe::QuantizerSlot> add_weight_quantizer(const quant::QuantizerOptions& options) override {
    return slot(layer_.call_optional("add_weight_quantizer", options));
  }
  std::unique_ptr<recipe::QuantizerSlot> add_input_quantizer(const quant::QuantizerOptions& options) override {
    return slot(layer_.call_optional("add_input_quantizer", options));
  }

 private:
  static std::unique_ptr<recipe::QuantizerSlot> slot(std::optional<Kept> quantizer) {
    return quantizer ? std::make_unique<PythonQuantizer>(std::move(*quantizer)) : nullptr;
  }

  Kept layer_;
  std::string name_;
  std::string type_;
};

recipe::RunTeacher make_teacher(const Kept& network, const std::vector<std::string>& taps) {
  network.call("tap_teacher", taps);
  // The input is Python's to know: whatever the user's model takes.
  return [network](const at::Tensor&) {
    auto [logits, features] = network.call<std::pair<at::Tensor, std::vector<at::Tensor>>>("run_teacher");
    return distill::TeacherOutput{std::move(logits), std::move(features)};
  };
}

}  // namespace

recipe::Attachment make_attachment(const py::object& object, const RunLength& run) {
  const Kept network(object);
  recipe::Attachment attachment;
  for (const py::handle layer : object.attr("layers")()) {
    attachment.layers.push_back(std::make_shared<PythonLayer>(Kept(py::reinterpret_borrow<py::object>(layer))));
  }
  for (const py::handle other : object.attr("others")()) {
    auto [name, type, reason] = other.cast<std::tuple<std::string, std::string, std::string>>();
    attachment.others.push_back({std::move(name), std::move(type), std::move(reason)});
  }
  attachment.run = run;
  attachment.freeze_batch_norms = [network](bool frozen) { network.call("freeze_batch_norms", frozen); };
  attachment.tap = [network](const std::string& layer) {
    return network.call<std::shared_ptr<distill::Tap>>("tap", layer);
  };
  attachment.run_example = [network] { return network.call<at::Tensor>("run_example"); };
  attachment.make_teacher = [network](const auto&, const std::vector<std::string>& taps) {
    return make_teacher(network, taps);
  };
  return attachment;
}

}  // namespace compress::bindings
