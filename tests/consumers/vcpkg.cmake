# Runs the port with stand-ins for vcpkg's functions, and looks at the package that comes of it.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
file(REMOVE_RECURSE ${work})
set(PORT spool)
set(CURRENT_PACKAGES_DIR ${work}/package)

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  run(${CMAKE_COMMAND} -S ${arg_SOURCE_PATH} -B ${work}/build -G ${generator} -D CMAKE_CXX_COMPILER=${compiler}
      -D CMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR} ${arg_OPTIONS})
endfunction()

function(vcpkg_cmake_install)
  run(${CMAKE_COMMAND} --build ${work}/build --target install)
endfunction()

function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
  file(RENAME ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH} ${CURRENT_PACKAGES_DIR}/share/${PORT})
  cmake_path(GET arg_CONFIG_PATH PARENT_PATH parent)
  file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/${parent})
endfunction()

function(vcpkg_fixup_pkgconfig)
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  file(COPY_FILE ${arg_FILE_LIST} ${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright)
endfunction()

include(${source}/cmake/vcpkg/portfile.cmake)

file(GLOB_RECURSE in_share RELATIVE ${CURRENT_PACKAGES_DIR}/share LIST_DIRECTORIES true ${CURRENT_PACKAGES_DIR}/share/*)
list(JOIN in_share " " in_share)
if(NOT in_share STREQUAL "gdb gdb/spool_printers.py pkgconfig pkgconfig/spool.pc spool spool/copyright \
spool/spool-config-version.cmake spool/spool-config.cmake spool/spool-targets.cmake spool/usage" OR NOT EXISTS
   ${CURRENT_PACKAGES_DIR}/include/spool/spool.hpp)
  message(FATAL_ERROR "In share: ${in_share}")
endif()
