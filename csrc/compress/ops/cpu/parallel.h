#pragma once

#include <ATen/Parallel.h>

// Without OpenMP at::parallel_for would quietly use one thread.
#ifndef _OPENMP
#error "compile this file with -fopenmp (see ops/CMakeLists.txt)"
#endif
