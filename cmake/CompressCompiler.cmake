# Warnings, ccache, linker: what every target of this project shares.
add_library(compress_flags INTERFACE)
target_compile_options(compress_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter $<$<BOOL:${COMPRESS_WERROR}>:-Werror>>)

find_program(COMPRESS_CCACHE ccache)
if(COMPRESS_USE_CCACHE AND COMPRESS_CCACHE)
  # Without this sloppiness ccache refuses every file that uses a precompiled header.
  set(_launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${COMPRESS_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_launcher})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${_launcher})
  target_compile_options(compress_flags INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()
find_program(COMPRESS_MOLD mold)
if(COMPRESS_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Programs compile with the library's precompiled torch header; it fits only where the flags agree, so they take the
# library's -fPIC instead of an executable's -fPIE.
function(compress_reuse_torch_pch target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  target_precompile_headers(${target} REUSE_FROM compress)
endfunction()
