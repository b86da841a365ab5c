#include "compress/distill/tap.h"

#include <torch/nn/module.h>

#include <vector>

#include "compress/core/error.h"
#include "compress/core/nearest_name.h"

namespace compress::distill {
namespace {

constexpr size_t names_shown = 3;

std::string quoted_list(const std::vector<std::string>& names) {
  std::string result;
  for (const std::string& name : names) {
    result += (result.empty() ? "'" : ", '") + name + "'";
  }
  return result;
}

std::vector<std::string> tappable_names(torch::nn::Module& root) {
  std::vector<std::string> result;
  for (const auto& module : root.named_modules("", /*include_self=*/false)) {
    if (dynamic_cast<Tappable*>(module.value().get())) {
      result.push_back(module.key());
    }
  }
  return result;
}

[[noreturn]] void fail_to_find(torch::nn::Module& root, const std::string& name, const char* what) {
  std::vector<std::string> names = tappable_names(root);
  check<UsageError>(!names.empty(), what, " '", name, "': this network has no layer that can be tapped");
  const std::vector<std::string> near = nearest_names(name, names, names_shown);
  if (!near.empty()) {
    fail<UsageError>(what, " '", name, "'; the nearest names: ", quoted_list(near));
  }
  fail<UsageError>(what, " '", name, "'; layers that can be tapped: ", quoted_list(names));
}

}  // namespace

const at::Tensor& Tap::output() const {
  check(output_.defined(), "tap of layer '", layer_, "': nothing recorded; ",
        enabled_ ? "run a forward pass first, one that reaches this layer" : "the tap is disabled");
  return output_;
}

void Tap::record(const at::Tensor& output) {
  if (enabled_) {
    output_ = output;
  }
}

void Tappable::attach_tap(std::shared_ptr<Tap> tap) {
  check(tap != nullptr, "attach_tap: got no tap");
  check<UsageError>(!tap_ || tap_ == tap, "layer '", tap->layer(), "' is tapped already; share that tap or detach it");
  tap_ = std::move(tap);
}

Tappable& find_tappable(torch::nn::Module& root, const std::string& name) {
  torch::nn::Module* found = name.empty() ? &root : nullptr;
  if (!found) {
    const auto modules = root.named_modules("", /*include_self=*/false);
    if (const auto* module = modules.find(name)) {
      found = module->get();
    }
  }
  if (!found) {
    fail_to_find(root, name, "no layer is named");
  }
  auto* tappable = dynamic_cast<Tappable*>(found);
  if (!tappable) {
    fail_to_find(root, name, "this layer cannot be tapped:");
  }
  return *tappable;
}

}  // namespace compress::distill
