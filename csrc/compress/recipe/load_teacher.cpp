#include "compress/recipe/load_teacher.h"

#include "compress/core/error.h"
#include "compress/core/safetensors.h"
#include "compress/models/weights.h"

namespace compress::recipe {

std::shared_ptr<models::Network> load_teacher(const TeacherOptions& options, const models::InputShape& shape,
                                              const at::Device& device) {
  check<UsageError>(std::filesystem::exists(options.checkpoint), "distill.teacher.checkpoint: '", options.checkpoint,
                    "' is not there; train the teacher first, or let this run do it by distill.teacher.train: true");
  auto network = models::make_network(options.model, shape);
  const std::filesystem::path weights = models::find_weights(options.checkpoint);
  models::load_state_dict(*network, load_safetensors(weights).tensors, weights.string());
  network->to(device);
  return network;
}

}  // namespace compress::recipe
