#pragma once

namespace compress {

/// Whether this build has CUDA kernels. Says nothing about a GPU.
bool has_cuda_kernels();

/// Loads the CUDA kernels, libcompress_cuda.so beside libcompress.so, once per process; later calls return at once.
/// They are a library of their own because a program linked to libtorch_cuda takes over a second longer to start.
/// Call it before the first operator on a CUDA tensor, and before anything that asks torch about CUDA: seeding and a
/// convolution on the CPU do, and a torch that finds no libtorch_cuda then has no GPU until the process ends.
/// Raises Error where the kernels were not built or do not load.
void load_cuda_library();

}  // namespace compress
