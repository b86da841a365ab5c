#pragma once

#include <memory>

#include "compress/recipe/method.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// The one place that knows which options make which method.
std::unique_ptr<Method> make_method(const MethodOptions& options);

}  // namespace compress::recipe
