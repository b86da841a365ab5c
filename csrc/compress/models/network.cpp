#include "compress/models/network.h"

#include <c10/util/overloaded.h>

#include "compress/models/convnet.h"
#include "compress/models/mlp.h"
#include "compress/models/resnet.h"

namespace compress::models {

std::shared_ptr<Network> make_network(const ModelOptions& options, const InputShape& shape) {
  return std::visit(
      c10::overloaded(
          [&](const ConvnetOptions& convnet) -> std::shared_ptr<Network> {
            return std::make_shared<Convnet>(convnet, shape);
          },
          [&](const MlpOptions& mlp) -> std::shared_ptr<Network> { return std::make_shared<Mlp>(mlp, shape); },
          [&](const ResnetOptions& resnet) -> std::shared_ptr<Network> { return make_resnet(resnet, shape); }),
      options);
}

const char* type_name(const ModelOptions& options) {
  return std::visit([]<typename Options>(const Options&) { return compress::type_name<Options>.name; }, options);
}

}  // namespace compress::models
