#pragma once

namespace cuda_emulation {

/// Gives every __shared__ variable bits that are NaN as a float and no sensible integer, since a block finds there
/// whatever the one before left.
void poison_shared_memory();

/// The kernels' library says where its variables lie; there are no others in it.
void register_shared_memory(char* begin, char* end);

}  // namespace cuda_emulation
