#pragma once

#include <ATen/autocast_mode.h>

#include "compress/train/options.h"

namespace compress::train {

/// bfloat16 autocast for the lifetime of the guard, as torch.autocast's context does.
class AutocastGuard {
 public:
  AutocastGuard(Precision precision, at::DeviceType device)
      : device_(device),
        enabled_before_(at::autocast::is_autocast_enabled(device)),
        active_(precision == Precision::bfloat16) {
    if (active_) {
      at::autocast::increment_nesting();
      at::autocast::set_autocast_enabled(device_, true);
      at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    }
  }
  ~AutocastGuard() {
    if (active_) {
      at::autocast::set_autocast_enabled(device_, enabled_before_);
      if (at::autocast::decrement_nesting() == 0) {
        at::autocast::clear_cache();
      }
    }
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  at::DeviceType device_;
  bool enabled_before_;
  bool active_;
};

}  // namespace compress::train
