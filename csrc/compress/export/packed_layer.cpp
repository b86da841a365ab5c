#include "compress/export/packed_layer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "compress/quant/quantizer_state.h"

namespace compress {
namespace {

constexpr uint8_t stream_version = 1;
constexpr int64_t max_rank = 8;
constexpr int float_width = 32;

enum Flag : uint8_t { integers = 1, has_bias = 2, batch_norm_folded = 4, quantizes_input = 8, all_flags = 15 };

// ---- shapes

void write_sizes(ByteWriter& writer, at::IntArrayRef sizes) {
  writer.varint(sizes.size());
  for (const int64_t size : sizes) {
    writer.varint(size);
  }
}

struct Shape {
  std::vector<int64_t> sizes;
  int64_t numel = 1;
};

Shape read_shape(ByteReader& reader, std::string_view what) {
  const int64_t rank = reader.varint(what);
  check(rank <= max_rank, "rank ", rank, " of its ", what, " (allowed: up to ", max_rank, ")");
  Shape shape;
  int64_t extent = 1;  // a size of 0 counts as 1 against overflow, as torch's strides do
  for (int64_t d = 0; d < rank; ++d) {
    const int64_t size = reader.varint(what);
    check(!__builtin_mul_overflow(extent, std::max<int64_t>(size, 1), &extent), "the sizes of its ", what,
          " are too large");
    shape.sizes.push_back(size);
    shape.numel *= size;
  }
  return shape;
}

// ---- tensors of float32

void write_floats(ByteWriter& writer, const at::Tensor& tensor) {
  const at::Tensor dense = tensor.contiguous();
  writer.bytes(dense.const_data_ptr(), dense.nbytes());
}

at::Tensor read_floats(ByteReader& reader, const Shape& shape, std::string_view what) {
  check(static_cast<uint64_t>(shape.numel) <= reader.remaining() / sizeof(float), "cut off in its ", what, " (",
        shape.numel, " numbers expected, ", reader.remaining(), " bytes left)");
  at::Tensor tensor = at::empty(shape.sizes, at::kFloat);
  const auto bytes = reader.bytes(shape.numel * sizeof(float), what);
  if (!bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  }
  return tensor;
}

// ---- grids

void check_scale(const at::Tensor& scale, std::string_view what) {
  check(scale.numel() > 0, what, " without a scale");
  const at::Tensor good = scale.isfinite().logical_and_(scale > 0);
  check(good.all().item<bool>(), "a scale of its ", what, " is not a positive number");
}

void write_grid(ByteWriter& writer, const PackedGrid& grid, std::string_view what) {
  check_scale(grid.scale, what);
  writer.byte(static_cast<uint8_t>(grid.format.bits));
  writer.byte(grid.symmetric ? 1 : 0);
  write_sizes(writer, grid.scale.sizes());
  write_floats(writer, grid.scale);
  if (!grid.symmetric) {
    const at::Tensor zero_points = grid.zero_point.to(at::kChar).contiguous();
    writer.bytes(zero_points.const_data_ptr(), zero_points.nbytes());
  }
}

PackedGrid read_grid(ByteReader& reader, std::string_view what) {
  PackedGrid grid;
  grid.format.bits = reader.byte(what);
  check(grid.format.bits >= min_integer_bits && grid.format.bits <= max_integer_bits, what, " of ", grid.format.bits,
        " bits (allowed: ", min_integer_bits, " to ", max_integer_bits, ")");
  const uint8_t symmetric = reader.byte(what);
  check(symmetric <= 1, what, " has ", int{symmetric}, " for symmetric (allowed: 0, 1)");
  grid.symmetric = symmetric == 1;
  const Shape shape = read_shape(reader, what);
  grid.scale = read_floats(reader, shape, what);
  check_scale(grid.scale, what);
  if (grid.symmetric) {
    return grid;
  }
  const auto bytes = reader.bytes(shape.numel, what);
  at::Tensor zero_points = at::empty(shape.sizes, at::kChar);
  std::memcpy(zero_points.mutable_data_ptr(), bytes.data(), bytes.size());
  grid.zero_point = zero_points.to(at::kInt);
  const auto low = grid.format.quant_min(false);
  const auto high = grid.format.quant_max();
  check(grid.zero_point.ge(low).logical_and_(grid.zero_point.le(high)).all().item<bool>(), "a zero point of its ", what,
        " is not on the grid ", low, "..", high);
  return grid;
}

void check_scale_fits(const at::Tensor& scale, at::IntArrayRef sizes) {
  bool fits = scale.dim() == 0 || scale.sizes().size() == sizes.size();
  for (int64_t d = 0; fits && d < scale.dim(); ++d) {
    fits = sizes[d] % scale.size(d) == 0;
  }
  check(fits, "a scale of shape ", scale.sizes(), " does not divide its weight of shape ", sizes);
}

// ---- elements

/// The integer that stands for 0.0 at each element.
at::Tensor zero_integers(const PackedGrid& grid, at::IntArrayRef sizes) {
  if (grid.symmetric) {
    return at::zeros(sizes, at::kChar);
  }
  const quant::QuantizerState state{grid.scale, grid.zero_point, {}, {}};
  quant::QuantizerOptions options;
  options.format = grid.format;
  options.symmetric = false;
  return quant::quantize(state, options, at::zeros(sizes, at::kFloat));
}

Elements integer_elements(const at::Tensor& integers, const PackedGrid& grid) {
  const at::Tensor values = integers.contiguous();
  const at::Tensor zeros = zero_integers(grid, values.sizes()).contiguous();
  const auto* value = values.const_data_ptr<int8_t>();
  const auto* zero = zeros.const_data_ptr<int8_t>();
  const int64_t count = values.numel();
  const uint32_t mask = (1u << grid.format.bits) - 1;
  Elements elements{grid.format.bits, std::vector<uint32_t>(count), std::vector<uint8_t>(count)};
  for (int64_t i = 0; i < count; ++i) {
    elements.codes[i] = static_cast<uint8_t>(value[i]) & mask;
    elements.kept[i] = value[i] != zero[i];
  }
  return elements;
}

// Only +0 is left out: a -0 comes back as it was.
Elements float_elements(const at::Tensor& tensor) {
  const at::Tensor values = tensor.contiguous();
  const int64_t count = values.numel();
  Elements elements{float_width, std::vector<uint32_t>(count), std::vector<uint8_t>(count)};
  if (count > 0) {
    std::memcpy(elements.codes.data(), values.const_data_ptr(), values.nbytes());
  }
  for (int64_t i = 0; i < count; ++i) {
    elements.kept[i] = elements.codes[i] != 0;
  }
  return elements;
}

at::Tensor integers_of(const Elements& elements, const PackedGrid& grid, at::IntArrayRef sizes) {
  at::Tensor integers = zero_integers(grid, sizes).contiguous();
  auto* integer = integers.mutable_data_ptr<int8_t>();
  const int unused = 8 - grid.format.bits;
  const auto low = grid.format.quant_min(grid.symmetric);
  for (size_t i = 0; i < elements.codes.size(); ++i) {
    if (elements.kept[i] != 0) {
      // Sign extension: two's complement of `bits` bits.
      integer[i] = static_cast<int8_t>(static_cast<int8_t>(elements.codes[i] << unused) >> unused);
      check(integer[i] >= low, "element ", i, " is ", int{integer[i]}, ", the grid begins at ", low);
    }
  }
  return integers;
}

at::Tensor floats_of(const Elements& elements, at::IntArrayRef sizes) {
  at::Tensor floats = at::empty(sizes, at::kFloat);
  if (floats.numel() > 0) {
    std::memcpy(floats.mutable_data_ptr(), elements.codes.data(), floats.nbytes());
  }
  return floats;
}

at::Tensor to_tensor(const std::vector<uint8_t>& bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

uint8_t flags_of(const PackedLayer& layer) {
  return static_cast<uint8_t>((layer.weight_grid ? Flag::integers : 0) | (layer.bias.defined() ? Flag::has_bias : 0) |
                              (layer.batch_norm_folded ? Flag::batch_norm_folded : 0) |
                              (layer.input_grid ? Flag::quantizes_input : 0));
}

}  // namespace

at::Tensor weight_of(const PackedLayer& layer) {
  if (!layer.weight_grid) {
    return layer.elements;
  }
  return quant::dequantize(layer.elements, layer.weight_grid->scale, layer.weight_grid->zero_point);
}

at::Tensor encode_layer(PackedLayer& layer) {
  check(layer.elements.dim() > 0 && layer.elements.dim() <= max_rank && layer.elements.numel() > 0,
        "a weight of shape ", layer.elements.sizes(), " (allowed: 1 to ", max_rank,
        " dimensions, at least one element)");
  ByteWriter writer;
  writer.byte(stream_version);
  writer.byte(flags_of(layer));
  write_sizes(writer, layer.elements.sizes());
  if (layer.weight_grid) {
    write_grid(writer, *layer.weight_grid, "weight grid");
  }
  if (layer.input_grid) {
    write_grid(writer, *layer.input_grid, "input grid");
  }
  if (layer.bias.defined()) {
    write_floats(writer, layer.bias);
  }
  layer.coding = write_elements(writer, layer.weight_grid ? integer_elements(layer.elements, *layer.weight_grid)
                                                          : float_elements(layer.elements));
  return to_tensor(writer.written());
}

PackedLayer decode_layer(const at::Tensor& stream) {
  check(stream.scalar_type() == at::kByte && stream.dim() == 1, "is not a row of bytes");
  const at::Tensor bytes = stream.contiguous();
  ByteReader reader({bytes.const_data_ptr<uint8_t>(), static_cast<size_t>(bytes.numel())});
  const uint8_t version = reader.byte("version");
  check(version == stream_version, "stream version ", int{version}, " is unknown (known: ", int{stream_version},
        "); it was written by a newer compress_ext, or is damaged");
  const uint8_t flags = reader.byte("flags");
  check((flags & ~Flag::all_flags) == 0, "unknown flags ", int{flags}, " (known: up to ", int{Flag::all_flags}, ")");

  const Shape shape = read_shape(reader, "weight sizes");
  check(!shape.sizes.empty() && shape.numel > 0, "a weight without elements");
  PackedLayer layer;
  layer.batch_norm_folded = (flags & Flag::batch_norm_folded) != 0;
  if ((flags & Flag::integers) != 0) {
    layer.weight_grid = read_grid(reader, "weight grid");
    check_scale_fits(layer.weight_grid->scale, shape.sizes);
  }
  if ((flags & Flag::quantizes_input) != 0) {
    layer.input_grid = read_grid(reader, "input grid");
  }
  if ((flags & Flag::has_bias) != 0) {
    layer.bias = read_floats(reader, {{shape.sizes[0]}, shape.sizes[0]}, "bias");
  }
  const int width = layer.weight_grid ? layer.weight_grid->format.bits : float_width;
  const Elements elements = read_elements(reader, shape.numel, width, &layer.coding);
  check(reader.remaining() == 0, reader.remaining(), " bytes after its last element");
  layer.elements =
      layer.weight_grid ? integers_of(elements, *layer.weight_grid, shape.sizes) : floats_of(elements, shape.sizes);
  return layer;
}

}  // namespace compress
