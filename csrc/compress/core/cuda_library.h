#pragma once

namespace compress {

/// Loads the CUDA kernels, libcompress_cuda.so beside libcompress.so, once per process; later calls return at once.
/// They are a library of their own because a program linked to libtorch_cuda takes over a second longer to start.
/// Call it before the first operator on a CUDA tensor. Raises Error where the kernels were not built or do not load.
void load_cuda_library();

}  // namespace compress
