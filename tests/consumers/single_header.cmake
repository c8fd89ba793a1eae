# Builds the program from the single header with another compiler, or runs `program`, which was built from it.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
if(NOT program)
  file(MAKE_DIRECTORY ${work})
  set(program ${work}/program)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  run(${compiler} -std=c++20 ${flags} -I${include} ${CMAKE_CURRENT_LIST_DIR}/main.cpp ${CMAKE_CURRENT_LIST_DIR}/sum.cpp
      -pthread -o ${program})
endif()
check_program(${program} ${futex})
