#include "emulator/device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <vector>

#include "emulator/guarded_memory.h"

namespace cuda_emulation {
namespace {

const c10::Device device(c10::DeviceType::CUDA, 0);

/// For elements of one size, which torch does not tell an allocator.
class GuardedAllocator final : public c10::Allocator {
 public:
  explicit GuardedAllocator(size_t element_size) : element_size_(element_size) {}

  c10::DataPtr allocate(size_t bytes) override {
    void* memory = allocate_guarded(bytes, element_size_);
    return {memory, memory, &free_guarded, device};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_guarded; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  size_t element_size_;
};

c10::Allocator* allocator_of(size_t element_size) {
  static std::vector<std::unique_ptr<GuardedAllocator>> all = [] {
    std::vector<std::unique_ptr<GuardedAllocator>> made;
    for (size_t size = 0; size <= 16; ++size) {
      made.push_back(std::make_unique<GuardedAllocator>(size));
    }
    return made;
  }();
  return all.at(element_size).get();
}

constexpr c10::DispatchKeySet keys(c10::DispatchKey::CUDA);

at::Tensor empty(c10::SymIntArrayRef sizes, std::optional<c10::ScalarType> type, std::optional<c10::Layout>,
                 std::optional<c10::Device>, std::optional<bool>, std::optional<c10::MemoryFormat> format) {
  const c10::ScalarType of = c10::dtype_or_default(type);
  // What an operator allocates in bytes may be a workspace of any types, for which CUDA's allocator aligns it.
  const size_t element_size = c10::elementSize(of) == 1 ? 16 : c10::elementSize(of);
  return at::detail::empty_generic(C10_AS_INTARRAYREF_SLOW(sizes), allocator_of(element_size), keys, of, format);
}

at::Tensor empty_strided(c10::SymIntArrayRef sizes, c10::SymIntArrayRef strides, std::optional<c10::ScalarType> type,
                         std::optional<c10::Layout>, std::optional<c10::Device>, std::optional<bool>) {
  const c10::ScalarType of = c10::dtype_or_default(type);
  return at::detail::empty_strided_generic(C10_AS_INTARRAYREF_SLOW(sizes), C10_AS_INTARRAYREF_SLOW(strides),
                                           allocator_of(c10::elementSize(of)), keys, of);
}

at::Tensor as_strided(const at::Tensor& self, c10::SymIntArrayRef sizes, c10::SymIntArrayRef strides,
                      std::optional<c10::SymInt> offset) {
  const auto at = offset ? std::optional<int64_t>(offset->expect_int()) : std::nullopt;
  return at::native::as_strided_tensorimpl(self, C10_AS_INTARRAYREF_SLOW(sizes), C10_AS_INTARRAYREF_SLOW(strides), at);
}

at::Tensor view(const at::Tensor& self, c10::SymIntArrayRef sizes) {
  return at::native::view(self, C10_AS_INTARRAYREF_SLOW(sizes));
}

/// The same memory as a CPU tensor.
at::Tensor alias(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_cuda()) {
    return tensor;
  }
  return at::from_blob(const_cast<void*>(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
                       tensor.options().device(at::kCPU));
}

c10::IValue alias_value(const c10::IValue& value) {
  if (value.isTensor()) {
    return alias(value.toTensor());
  }
  if (value.isDevice()) {
    return c10::Device(c10::DeviceType::CPU);
  }
  if (value.isTensorList()) {
    std::vector<at::Tensor> tensors;
    for (const at::Tensor& tensor : value.toTensorVector()) {
      tensors.push_back(alias(tensor));
    }
    return tensors;
  }
  return value;
}

/// An operator that writes to an argument returns that argument.
const c10::IValue* written_argument(const c10::FunctionSchema& schema, const c10::Argument& result,
                                    const std::vector<c10::IValue>& arguments) {
  const c10::AliasInfo* names = result.alias_info();
  for (size_t i = 0; names != nullptr && i < arguments.size(); ++i) {
    const c10::AliasInfo* own = schema.arguments()[i].alias_info();
    if (own != nullptr && own->isWrite() && own->beforeSets() == names->beforeSets()) {
      return &arguments[i];
    }
  }
  return nullptr;
}

/// Any operator of torch, on the memory as the CPU's.
void run_on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const c10::FunctionSchema& schema = op.schema();
  const size_t count = schema.arguments().size();
  const std::vector<c10::IValue> arguments(stack->end() - static_cast<std::ptrdiff_t>(count), stack->end());
  torch::jit::drop(stack, count);
  torch::jit::Stack own;
  for (const c10::IValue& argument : arguments) {
    own.push_back(alias_value(argument));
  }
  {
    const at::AutoDispatchBelowADInplaceOrView guard;
    op.callBoxed(&own);
  }
  for (size_t i = 0; i < own.size(); ++i) {
    if (const c10::IValue* written = written_argument(schema, schema.returns()[i], arguments)) {
      stack->push_back(*written);
    } else {
      stack->push_back(own[i].isTensor() ? c10::IValue(to_device(own[i].toTensor())) : own[i]);
    }
  }
}

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", TORCH_FN(empty));
  m.impl("empty_strided", TORCH_FN(empty_strided));
  m.impl("as_strided", TORCH_FN(as_strided));
  m.impl("view", TORCH_FN(view));
  // Made of other operators for every device, but at its heart a stub that has no function for CUDA.
  m.impl("copy_", torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
}

TORCH_LIBRARY_IMPL(_, CUDA, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
}

C10_REGISTER_GUARD_IMPL(CUDA, c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA>)

}  // namespace

at::Tensor to_device(const at::Tensor& host) {
  if (!host.defined()) {
    return host;
  }
  const at::Tensor copy = at::empty_strided(host.sizes(), host.strides(), host.options().device(device));
  alias(copy).copy_(host);
  return copy;
}

at::Tensor to_host(const at::Tensor& tensor) {
  return tensor.defined() ? alias(tensor).clone() : tensor;
}

}  // namespace cuda_emulation
