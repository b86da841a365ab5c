#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "emulator/grid.h"
#include "emulator/guarded_memory.h"
#include "kernels_of_tests.h"

namespace compress::cuda {
namespace {

using cuda_emulation::KernelError;
using cuda_emulation::Order;
using cuda_emulation::Placement;

/// Floats in device memory, zero at first.
class Floats {
 public:
  Floats(int64_t count, Placement placement) {
    cuda_emulation::set_placement(placement);
    data = static_cast<float*>(cuda_emulation::allocate_guarded(count * sizeof(float), sizeof(float)));
    std::fill(data, data + count, 0.0f);
  }
  ~Floats() { cuda_emulation::free_guarded(data); }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;

  float* data;
};

struct FaultCase {
  Fault fault;
  Placement placement;
  std::string message;
};

const Placement at_end = {Placement::Edge::end, -1};
const Placement at_begin = {Placement::Edge::begin, -1};

TEST(Emulator, EveryFaultEndsTheKernelAndIsNamed) {
  cuda_emulation::set_order(Order::forward);
  const std::vector<FaultCase> cases = {
      {Fault::read_past_end, at_end, "invalid access at byte 256 of memory of 256 bytes in thread 63, block 0 of 1"},
      {Fault::write_before_begin, at_begin, "invalid access 4 bytes before memory of 256 bytes in thread 5"},
      {Fault::write_into_gap, {Placement::Edge::begin, 1}, "a write next to memory of 256 bytes"},
      {Fault::misaligned_pack, at_begin, "misaligned access, "},
      {Fault::null_pointer, at_end, "null access, "},
      {Fault::shared_index, at_end, "index out of bounds, "},
      {Fault::overflow, at_end, "overflow, "},
      {Fault::division_by_zero, at_end, "division by zero or overflow, "},
      {Fault::shift, at_end, "shift by too much, "},
      {Fault::lane_missing, at_end, "thread 37 waits at line "},
      {Fault::lane_ended, at_end, "thread 37 has ended, but others wait for it at line "},
      {Fault::lane_outside_mask, at_end, "thread 16 is not among the lanes it names"},
      {Fault::source_lane_outside_mask, at_end, "lane 15 reads lane 16, which takes no part"},
      {Fault::lanes_beyond_block, at_end, "lane 8 is waited for at line "},
      {Fault::thread_ended_before_barrier, at_end, "thread 9 has ended, but others wait for it at line "},
      {Fault::two_barriers, at_end, "thread 32 waits at line "},
      {Fault::barrier_and_warp_operation, at_end, "thread 3 waits at line "},
      {Fault::endless_recursion, at_end, "stack overflow in thread 0"},
  };
  for (const FaultCase& of : cases) {
    const Floats floats(64, of.placement);
    try {
      launch_faulty(of.fault, floats.data, 64);
      ADD_FAILURE() << "not noticed: " << of.message;
    } catch (const KernelError& error) {
      EXPECT_EQ(std::string(error.what()).find(of.message), 0u) << error.what() << ", expected " << of.message;
    }
  }
}

TEST(Emulator, RunsOnAfterAFault) {
  cuda_emulation::set_order(Order::forward);
  const Floats floats(64, at_end);
  EXPECT_THROW(launch_faulty(Fault::lane_ended, floats.data, 64), KernelError);
  std::fill(floats.data, floats.data + 32, 1.0f);
  launch_reversal(floats.data, 64, true);
  EXPECT_EQ(floats.data[0], 0.0f);
  EXPECT_EQ(floats.data[63], 1.0f);
}

TEST(Emulator, RefusesAGridOfNoBlocks) {
  const Floats floats(1, at_end);
  EXPECT_THROW(launch_of_no_blocks(floats.data), KernelError);
}

/// The reversal in an order, as a number that tells results apart.
std::vector<float> reversed(Order order, bool has_barrier) {
  cuda_emulation::set_order(order, 3);
  const Floats floats(64, at_end);
  for (int i = 0; i < 64; ++i) {
    floats.data[i] = static_cast<float>(i);
  }
  launch_reversal(floats.data, 64, has_barrier);
  return std::vector<float>(floats.data, floats.data + 64);
}

TEST(Emulator, ARaceShowsInTheOrders) {
  std::vector<float> expected(64);
  for (int i = 0; i < 64; ++i) {
    expected[static_cast<size_t>(i)] = static_cast<float>(63 - i);
  }
  for (const Order order : {Order::forward, Order::reverse, Order::shuffled}) {
    EXPECT_EQ(reversed(order, true), expected);
    EXPECT_NE(reversed(order, false), expected);
  }
}

TEST(Emulator, SharedMemoryIsFreshInEveryBlock) {
  const Floats floats(64, at_end);
  launch_read_of_fresh_shared_memory(floats.data, 64);
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(std::isnan(floats.data[i])) << i;
  }
}

TEST(Emulator, BlocksRunOnceInTheOrderThatIsSet) {
  for (const Order order : {Order::forward, Order::reverse, Order::shuffled}) {
    cuda_emulation::set_order(order, 7);
    const Floats floats(38, at_end);
    launch_block_numbers(floats.data, 37);
    std::vector<float> numbers(floats.data, floats.data + 37);
    EXPECT_EQ(std::is_sorted(numbers.begin(), numbers.end()), order == Order::forward);
    EXPECT_EQ(std::is_sorted(numbers.rbegin(), numbers.rend()), order == Order::reverse);
    std::sort(numbers.begin(), numbers.end());
    for (int i = 0; i < 37; ++i) {
      EXPECT_EQ(numbers[static_cast<size_t>(i)], static_cast<float>(i));
    }
  }
}

TEST(Emulator, WarpOperationsAreCudas) {
  for (const Order order : {Order::forward, Order::reverse, Order::shuffled}) {
    cuda_emulation::set_order(order, 11);
    const Floats floats(8 * 64, at_end);
    launch_warp_operations(floats.data);
    for (int thread = 0; thread < 64; ++thread) {
      const int warp = thread / 32 * 32;
      const int lane = thread % 32;
      const int counted = warp == 0 ? 7 : 6;  // multiples of 5 among 0..31, 32..63
      const std::vector<float> expected = {
          static_cast<float>(warp + 7),
          static_cast<float>(lane + 3 < 32 ? thread + 3 : thread),
          static_cast<float>(lane >= 3 ? thread - 3 : thread),
          static_cast<float>(warp + (lane ^ 5)),
          static_cast<float>(thread ^ 4),
          static_cast<float>(counted),
          warp == 32 ? 1.0f : 0.0f,
          warp == 0 ? 1.0f : 0.0f,
      };
      EXPECT_EQ(std::vector<float>(floats.data + 8 * thread, floats.data + 8 * thread + 8), expected) << thread;
    }
  }
}

TEST(Emulator, BlockSumsFollowOneAnother) {
  for (const Order order : {Order::forward, Order::reverse, Order::shuffled}) {
    cuda_emulation::set_order(order, 13);
    const Floats floats(4, at_end);
    launch_block_sums(floats.data);
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(floats.data[i], static_cast<float>(255 * 128 + 256 * i));
    }
  }
}

TEST(Emulator, HalfPrecisionIsAtens) {
  for (int bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    const float half = __half2float(__half{pattern});
    const float expected = c10::Half(pattern, c10::Half::from_bits());
    const float bfloat = __bfloat162float(__nv_bfloat16{pattern});
    const float expected_bfloat = c10::BFloat16(pattern, c10::BFloat16::from_bits());
    ASSERT_TRUE(half == expected || (std::isnan(half) && std::isnan(expected))) << bits;
    ASSERT_TRUE(bfloat == expected_bfloat || (std::isnan(bfloat) && std::isnan(expected_bfloat))) << bits;
  }
  // The numbers between two neighbours and both neighbours' own, by steps of a float's upper bits.
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 0x7ff) {
    const auto pattern = static_cast<uint32_t>(bits);
    float x;
    std::memcpy(&x, &pattern, sizeof(x));
    if (!std::isnan(x)) {
      ASSERT_EQ(__float2half_rn(x).bits, c10::Half(x).x) << x;
      ASSERT_EQ(__float2bfloat16_rn(x).bits, c10::BFloat16(x).x) << x;
    }
  }
  EXPECT_TRUE(std::isnan(__half2float(__float2half_rn(std::nanf("")))));
  EXPECT_TRUE(std::isnan(__bfloat162float(__float2bfloat16_rn(std::nanf("")))));
  for (const float tie : {1.00048828125f, 1.00146484375f, 65519.0f, 65520.0f, 0x1p-25f, 0x1.8p-25f, 0x1.4p-15f}) {
    EXPECT_EQ(__float2half_rn(tie).bits, c10::Half(tie).x) << tie;
  }
}

}  // namespace
}  // namespace compress::cuda
