#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "compress/core/error.h"

namespace compress {

static_assert(std::endian::native == std::endian::little, "packed streams are little-endian");

/// Appends to a packed stream (docs/packed_format.md).
class ByteWriter {
 public:
  void byte(uint8_t value) { bytes_.push_back(value); }
  void bytes(const void* data, size_t count) {
    const auto* first = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), first, first + count);
  }
  /// LEB128: seven bits a byte, lowest first, the top bit set in all but the last.
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      byte(static_cast<uint8_t>(value | 0x80));
    }
    byte(static_cast<uint8_t>(value));
  }

  const std::vector<uint8_t>& written() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

/// Reads a packed stream. Raises Error, naming what was read, before it would pass the end.
class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : left_(bytes) {}

  uint64_t remaining() const { return left_.size(); }

  std::span<const uint8_t> bytes(uint64_t count, std::string_view what) {
    check(count <= remaining(), "cut off in its ", what, " (", count, " bytes expected, ", remaining(), " left)");
    const auto result = left_.first(count);
    left_ = left_.subspan(count);
    return result;
  }
  uint8_t byte(std::string_view what) { return bytes(1, what)[0]; }
  /// At most 63 bits.
  int64_t varint(std::string_view what) {
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const uint8_t next = byte(what);
      value |= uint64_t{next & 0x7fu} << shift;
      if (next < 0x80) {
        return static_cast<int64_t>(value);
      }
    }
    fail("a number in its ", what, " is too long");
  }

 private:
  std::span<const uint8_t> left_;
};

/// Numbers of 1 to 32 bits in a row, the first one in the lowest bits of the first byte.
class BitWriter {
 public:
  explicit BitWriter(ByteWriter& writer) : writer_(writer) {}

  void write(uint32_t value, int width) {
    waiting_ |= uint64_t{value} << count_;
    for (count_ += width; count_ >= 8; count_ -= 8) {
      writer_.byte(static_cast<uint8_t>(waiting_));
      waiting_ >>= 8;
    }
  }
  /// Fills the last byte with zeros.
  void finish() {
    if (count_ > 0) {
      write(0, 8 - count_);
    }
  }

 private:
  ByteWriter& writer_;
  uint64_t waiting_ = 0;
  int count_ = 0;
};

class BitReader {
 public:
  BitReader(ByteReader& reader, std::string_view what) : reader_(reader), what_(what) {}

  uint32_t read(int width) {
    for (; count_ < width; count_ += 8) {
      waiting_ |= uint64_t{reader_.byte(what_)} << count_;
    }
    const auto value = static_cast<uint32_t>(waiting_ & ((uint64_t{1} << width) - 1));
    waiting_ >>= width;
    count_ -= width;
    return value;
  }
  void finish() const { check(waiting_ == 0, "has bits after the last of its ", what_); }

 private:
  ByteReader& reader_;
  std::string_view what_;
  uint64_t waiting_ = 0;
  int count_ = 0;
};

}  // namespace compress
