# Where products go and how they find torch. Three layouts:
#   checkout  COMPRESS_BUILD_PYTHON: beside the Python sources, so that `import compress_ext` is the build just made
#   SDK       cmake --install: bin/, lib/, include/, and a CMake package for find_package(compress)
#   wheel     COMPRESS_WHEEL: everything inside compress_ext/, torch found relative to it in site-packages
set(_products)
foreach(_target compress compress_cuda compress-ext compress_python)
  if(TARGET ${_target})
    list(APPEND _products ${_target})
  endif()
endforeach()

if(COMPRESS_BUILD_PYTHON AND NOT COMPRESS_WHEEL)
  set(_package "${PROJECT_SOURCE_DIR}/python/compress_ext")
  foreach(_target IN LISTS _products)
    set_target_properties(${_target} PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY "${_package}/lib" RUNTIME_OUTPUT_DIRECTORY "${_package}/bin")
  endforeach()
  set_target_properties(compress_python PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${_package}")
endif()

# Torch's libraries as seen from `folder`, a folder of the wheel given relative to site-packages.
function(_compress_wheel_rpath folder out)
  set(_result)
  foreach(_dir IN LISTS COMPRESS_TORCH_RPATH)
    get_filename_component(_dir "${_dir}" ABSOLUTE)
    get_filename_component(_site_packages "${COMPRESS_TORCH_DIR}/.." ABSOLUTE)
    file(RELATIVE_PATH _relative "${_site_packages}/${folder}" "${_dir}")
    list(APPEND _result "$ORIGIN/${_relative}")
  endforeach()
  set(${out} "${_result}" PARENT_SCOPE)
endfunction()

if(COMPRESS_WHEEL)
  if(NOT COMPRESS_BUILD_PYTHON)
    message(FATAL_ERROR "COMPRESS_WHEEL needs COMPRESS_BUILD_PYTHON=ON")
  endif()
  _compress_wheel_rpath(compress_ext/lib _rpath)
  foreach(_target IN LISTS _products)
    set_target_properties(${_target} PROPERTIES INSTALL_RPATH "$ORIGIN;$ORIGIN/../lib;${_rpath}")
  endforeach()
  _compress_wheel_rpath(compress_ext _rpath)
  set_target_properties(compress_python PROPERTIES INSTALL_RPATH "$ORIGIN/lib;${_rpath}")
  install(TARGETS compress_python LIBRARY DESTINATION compress_ext)
  list(REMOVE_ITEM _products compress_python)
  install(TARGETS ${_products} LIBRARY DESTINATION compress_ext/lib RUNTIME DESTINATION compress_ext/bin)
  return()
endif()

include(CMakePackageConfigHelpers)
set(_sdk ${_products})
list(REMOVE_ITEM _sdk compress_python)
set_target_properties(${_sdk} PROPERTIES
  INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR};${COMPRESS_TORCH_RPATH}")
install(TARGETS ${_sdk} EXPORT compress
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY csrc/compress/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/compress FILES_MATCHING PATTERN "*.h"
  PATTERN "torch_pch.h" EXCLUDE PATTERN "cpu" EXCLUDE PATTERN "cuda" EXCLUDE)
set(_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/compress)
install(EXPORT compress NAMESPACE compress:: FILE compressTargets.cmake DESTINATION ${_package_dir})
configure_package_config_file(cmake/compressConfig.cmake.in ${PROJECT_BINARY_DIR}/compressConfig.cmake
  INSTALL_DESTINATION ${_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/compressConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/compressConfig.cmake ${PROJECT_BINARY_DIR}/compressConfigVersion.cmake
  cmake/CompressTorch.cmake DESTINATION ${_package_dir})
