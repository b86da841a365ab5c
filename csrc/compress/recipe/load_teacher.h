#pragma once

#include <memory>

#include "compress/models/network.h"
#include "compress/recipe/options.h"

namespace compress::recipe {

/// The teacher with its weights, on `device`. Raises Error where the checkpoint is missing, damaged or of another
/// model.
std::shared_ptr<models::Network> load_teacher(const TeacherOptions& options, const models::InputShape& shape,
                                              const at::Device& device);

}  // namespace compress::recipe
