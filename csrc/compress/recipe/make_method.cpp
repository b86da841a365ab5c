#include "compress/recipe/make_method.h"

#include <c10/util/overloaded.h>

#include "compress/recipe/distill_method.h"
#include "compress/recipe/prune_method.h"
#include "compress/recipe/quantize_method.h"

namespace compress::recipe {

std::unique_ptr<Method> make_method(const MethodOptions& options) {
  return std::visit(
      c10::overloaded(
          [](const PruneOptions& prune) -> std::unique_ptr<Method> { return std::make_unique<PruneMethod>(prune); },
          [](const QuantizeOptions& quantize) -> std::unique_ptr<Method> {
            return std::make_unique<QuantizeMethod>(quantize);
          },
          [](const DistillOptions& distill) -> std::unique_ptr<Method> {
            return std::make_unique<DistillMethod>(distill);
          }),
      options);
}

}  // namespace compress::recipe
