# Decides whether the CUDA kernels are built. The .cu files include no torch headers, so C++17 serves (CMake 3.25
# cannot ask nvcc 13 for C++20) and each compiles in seconds.
if(NOT COMPRESS_WITH_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "COMPRESS_WITH_CUDA must be AUTO, ON or OFF (got '${COMPRESS_WITH_CUDA}')")
endif()
set(COMPRESS_CUDA_ENABLED OFF)
if(NOT COMPRESS_WITH_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  set(CMAKE_CUDA_ARCHITECTURES ${COMPRESS_CUDA_ARCHITECTURES})
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER AND TARGET compress_torch_cuda)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    string(REGEX MATCH "^[0-9]+" _torch_major "${COMPRESS_TORCH_CUDA_VERSION}")
    if(NOT CUDAToolkit_VERSION_MAJOR EQUAL _torch_major)
      message(FATAL_ERROR
        "The CUDA toolkit (${CUDAToolkit_VERSION}) and torch ${COMPRESS_TORCH_VERSION} (built for CUDA "
        "${COMPRESS_TORCH_CUDA_VERSION}) differ in their major version. Install toolkit ${_torch_major}.x or a torch "
        "for CUDA ${CUDAToolkit_VERSION_MAJOR}, or build for the CPU with -DCOMPRESS_WITH_CUDA=OFF.")
    endif()
    set(CMAKE_CUDA_STANDARD 17)
    set(COMPRESS_CUDA_ENABLED ON)
  elseif(COMPRESS_WITH_CUDA STREQUAL "ON")
    message(FATAL_ERROR "COMPRESS_WITH_CUDA=ON, but nvcc ('${CMAKE_CUDA_COMPILER}') or a CUDA build of torch is missing")
  endif()
endif()
