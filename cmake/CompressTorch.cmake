# Finds the LibTorch of the active Python (or of COMPRESS_TORCH_DIR) and makes two imported targets:
#   compress_torch_cpu    libtorch_cpu, libc10, headers
#   compress_torch_cuda   libtorch_cuda, libc10_cuda on top
# find_package(Torch) is not used: with a CUDA wheel it is a fatal error on a machine without the toolkit, and it
# links libtorch_cuda into everything, which makes a CPU program start in 1.6 s instead of 0.45 s.
include_guard(GLOBAL)

if(NOT COMPRESS_TORCH_DIR)
  find_package(Python3 3.10 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND ${Python3_EXECUTABLE} -c
            "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin) if s else '')"
    OUTPUT_VARIABLE COMPRESS_TORCH_DIR
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(NOT EXISTS "${COMPRESS_TORCH_DIR}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "compress: no torch found for ${Python3_EXECUTABLE} (got '${COMPRESS_TORCH_DIR}'). "
                      "Install it (pip install torch==2.11.0), activate its environment, or set -DCOMPRESS_TORCH_DIR.")
endif()

file(STRINGS "${COMPRESS_TORCH_DIR}/version.py" _version_lines)
set(COMPRESS_TORCH_CUDA_VERSION "")
foreach(_line IN LISTS _version_lines)
  if(_line MATCHES "^__version__ = '([0-9.]+)")
    set(COMPRESS_TORCH_VERSION ${CMAKE_MATCH_1})
  elseif(_line MATCHES "^cuda[^=]*= '([0-9.]+)'")
    set(COMPRESS_TORCH_CUDA_VERSION ${CMAKE_MATCH_1})
  endif()
endforeach()
if(COMPRESS_TORCH_VERSION VERSION_LESS 2.11)
  message(FATAL_ERROR "compress: torch >= 2.11 is needed (got ${COMPRESS_TORCH_VERSION} in ${COMPRESS_TORCH_DIR})")
endif()

# The wheel's own CUDA libraries come before the toolkit's: the linker must not resolve libtorch_cuda's NCCL or
# cudart against an older toolkit.
file(GLOB COMPRESS_TORCH_RPATH "${COMPRESS_TORCH_DIR}/../nvidia/*/lib")
list(PREPEND COMPRESS_TORCH_RPATH "${COMPRESS_TORCH_DIR}/lib")

add_library(compress_torch_cpu INTERFACE IMPORTED GLOBAL)
target_include_directories(compress_torch_cpu SYSTEM INTERFACE
  "${COMPRESS_TORCH_DIR}/include" "${COMPRESS_TORCH_DIR}/include/torch/csrc/api/include")
target_link_libraries(compress_torch_cpu INTERFACE
  "${COMPRESS_TORCH_DIR}/lib/libtorch_cpu.so" "${COMPRESS_TORCH_DIR}/lib/libc10.so")
foreach(_dir IN LISTS COMPRESS_TORCH_RPATH)
  target_link_options(compress_torch_cpu INTERFACE "LINKER:-rpath-link,${_dir}")
endforeach()

if(EXISTS "${COMPRESS_TORCH_DIR}/lib/libtorch_cuda.so")
  add_library(compress_torch_cuda INTERFACE IMPORTED GLOBAL)
  target_link_libraries(compress_torch_cuda INTERFACE compress_torch_cpu
    "${COMPRESS_TORCH_DIR}/lib/libtorch_cuda.so" "${COMPRESS_TORCH_DIR}/lib/libc10_cuda.so")
endif()
