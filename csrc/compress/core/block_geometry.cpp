#include "compress/core/block_geometry.h"

#include <vector>

namespace compress {
namespace {

struct Dim {
  int64_t size;
  int64_t block;         // neighbours along this dimension that share one scale
  int64_t scale_stride;  // of the scale, in elements; 0 where it has size 1
};

bool is_shared(const Dim& dim) {
  return dim.block == dim.size;
}  // one scale along the whole dimension
bool is_split(const Dim& dim) {
  return dim.block == 1;
}  // one scale per position

// Two neighbouring dimensions are one when both are shared, or both are split and the scale is contiguous over them.
bool merges(const Dim& outer, const Dim& inner) {
  return (is_shared(outer) && is_shared(inner)) || (is_split(outer) && is_split(inner));
}

std::vector<Dim> collapsed_dims(const int64_t* x_sizes, const int64_t* scale_sizes, int dims) {
  std::vector<Dim> result;
  int64_t stride = 1;
  for (int d = dims - 1; d >= 0; --d) {
    const Dim dim{x_sizes[d], x_sizes[d] / scale_sizes[d], scale_sizes[d] == 1 ? 0 : stride};
    stride *= scale_sizes[d];
    if (dim.size == 1) {
      continue;
    }
    if (!result.empty() && merges(dim, result.back())) {
      result.back().size *= dim.size;
      result.back().block *= dim.block;
    } else {
      result.push_back(dim);
    }
  }
  return {result.rbegin(), result.rend()};
}

}  // namespace

BlockGeometry make_block_geometry(const int64_t* x_sizes, int x_dims, const int64_t* scale_sizes, int scale_dims,
                                  const char** error) {
  *error = nullptr;
  BlockGeometry geometry;
  int64_t elements = 1;
  int64_t scales = 1;
  for (int d = 0; d < x_dims; ++d) {
    elements *= x_sizes[d];
  }
  for (int d = 0; d < scale_dims; ++d) {
    scales *= scale_sizes[d];
  }
  geometry.scale_count = scales;
  geometry.segment_length = elements;
  if (scales == 1 && (scale_dims <= 1 || scale_dims == x_dims)) {
    geometry.one_to_one = true;
    return geometry;
  }
  if (scale_dims != x_dims) {
    *error = "scale must be a scalar or have as many dimensions as x";
    return geometry;
  }
  for (int d = 0; d < x_dims; ++d) {
    if (scale_sizes[d] == 0 ? x_sizes[d] != 0 : x_sizes[d] % scale_sizes[d] != 0) {
      *error = "each size of scale must divide that of x";
      return geometry;
    }
  }
  if (elements == 0) {
    geometry.segments = 0;
    geometry.segment_length = 0;
    return geometry;
  }
  std::vector<Dim> dims = collapsed_dims(x_sizes, scale_sizes, x_dims);
  if (dims.size() > BlockGeometry::max_dims) {
    *error = "scale and x have too many dimensions";
    return geometry;
  }
  // The innermost run: a shared dimension, the block of a partly shared one, or a whole split dimension.
  if (dims.empty()) {  // x has one element
    geometry.one_to_one = true;
    return geometry;
  }
  const Dim inner = dims.back();
  geometry.segment_length = is_split(inner) ? inner.size : inner.block;
  geometry.scale_step = is_split(inner) ? 1 : 0;
  geometry.segments = elements / geometry.segment_length;
  if (is_split(inner) || is_shared(inner)) {
    dims.pop_back();
  } else {
    dims.back() = {inner.size / inner.block, 1, inner.scale_stride};
  }
  geometry.dims = static_cast<int>(dims.size());
  for (int d = 0; d < geometry.dims; ++d) {
    geometry.size[d] = dims[d].size;
    geometry.block[d] = dims[d].block;
    geometry.scale_stride[d] = dims[d].scale_stride;
  }
  geometry.one_to_one = geometry.scale_step == 0 && geometry.segments == scales;
  return geometry;
}

}  // namespace compress
