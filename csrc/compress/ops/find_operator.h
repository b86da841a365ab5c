#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace compress {

/// The dispatcher's handle of "compress::<name>" with the C++ type of its schema. The search takes a lock: callers keep
/// the handle in a static.
template <typename Signature>
c10::TypedOperatorHandle<Signature> find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").template typed<Signature>();
}

}  // namespace compress
