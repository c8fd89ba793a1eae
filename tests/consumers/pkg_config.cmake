# Builds the program with what pkg-config says.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
find_program(pkg_config NAMES pkg-config pkgconf)
if(NOT pkg_config)
  message("Skipped: there is no pkg-config")
  return()
endif()
file(MAKE_DIRECTORY ${work})
set(ENV{PKG_CONFIG_PATH} ${prefix}/share/pkgconfig)

run(${pkg_config} --exact-version=${version} spool)
run(${pkg_config} --cflags --libs spool)
separate_arguments(said UNIX_COMMAND "${output}")
separate_arguments(flags UNIX_COMMAND "${flags}")
run(${compiler} -std=c++20 ${flags} ${CMAKE_CURRENT_LIST_DIR}/main.cpp ${CMAKE_CURRENT_LIST_DIR}/sum.cpp ${said}
    -o ${work}/program)
check_program(${work}/program own)
