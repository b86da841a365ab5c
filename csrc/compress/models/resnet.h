#pragma once

#include "compress/models/network.h"

namespace compress::models {

/// See ResnetOptions (He et al. 2016, sections 4.1 and 4.2). State-dict names are torchvision's: conv1, bn1,
/// layer1.0.conv1, layer1.0.bn1, ..., layer2.0.downsample.0, fc. The CIFAR networks have three stages and, as
/// projection shortcuts, 1x1 convolutions (option B). The 1x1-3x3-1x1 blocks carry their stride in the 3x3 one, as
/// torchvision's do. The last batch norm of a residual branch starts at weight 1, as torchvision's default.
std::shared_ptr<Network> make_resnet(const ResnetOptions& options, const InputShape& shape);

}  // namespace compress::models
