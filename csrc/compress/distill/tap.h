#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>

namespace torch::nn {
class Module;
}

namespace compress::distill {

/// The output of one layer in the latest forward pass, with its graph. Whoever reads it calls clear() once the step is
/// done, so that the graph and its memory do not outlive the step.
class Tap {
 public:
  explicit Tap(std::string layer) : layer_(std::move(layer)) {}

  const std::string& layer() const { return layer_; }

  /// A disabled tap records nothing: for evaluation. Enabled at first.
  void set_enabled(bool enabled) { enabled_ = enabled; }
  bool enabled() const { return enabled_; }

  /// Takes an output, if enabled; the layer's forward calls it.
  void record(const at::Tensor& output);
  /// The latest output; a layer that runs several times in a pass leaves its last. Raises Error, naming the layer,
  /// where there was no forward pass since the tap was made or cleared.
  const at::Tensor& output() const;
  bool has_output() const { return output_.defined(); }
  void clear() { output_.reset(); }

 private:
  std::string layer_;
  bool enabled_ = true;
  at::Tensor output_;
};

/// Base of the layers whose output can be tapped: LibTorch modules have no forward hooks. Their forward ends with
/// `return tapped(output);`, which costs one branch where no tap is attached.
class Tappable {
 public:
  /// Raises UsageError where another tap is attached: share that one (see tap()) or detach it first.
  void attach_tap(std::shared_ptr<Tap> tap);
  void detach_tap() { tap_.reset(); }
  /// Null where none is attached.
  const std::shared_ptr<Tap>& tap() const { return tap_; }

 protected:
  ~Tappable() = default;

  at::Tensor tapped(at::Tensor output) {
    if (tap_) [[unlikely]] {
      tap_->record(output);
    }
    return output;
  }

 private:
  std::shared_ptr<Tap> tap_;
};

/// The submodule of `root` with this dotted name ("" = root itself). Raises UsageError for an unknown name, naming the
/// nearest ones, and for a module that cannot be tapped.
Tappable& find_tappable(torch::nn::Module& root, const std::string& name);

}  // namespace compress::distill
