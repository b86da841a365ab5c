# Run as `cmake -D... -P`: fills TEMPLATE into OUTPUT, with the commit of SOURCE.
set(GIT_COMMIT "unknown")
execute_process(COMMAND git -C "${SOURCE}" rev-parse HEAD
  OUTPUT_VARIABLE _commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE _status)
if(_status EQUAL 0)
  set(GIT_COMMIT "${_commit}")
endif()
if(CUDA_KERNELS)
  set(CUDA_KERNELS True)
else()
  set(CUDA_KERNELS False)
endif()
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
# configure_file leaves an unchanged file alone; the build tool wants it newer than what it depends on.
file(TOUCH "${OUTPUT}")
