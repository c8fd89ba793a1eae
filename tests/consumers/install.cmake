# Installs spool, looks at what came of it, and moves it to where the other tests find it.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
file(REMOVE_RECURSE ${work} ${prefix})

run(${CMAKE_COMMAND} -S ${source} -B ${work}/build -G ${generator} -D CMAKE_CXX_COMPILER=${compiler}
    -D BUILD_TESTING=OFF -D SPOOL_EXAMPLES=OFF)
run(${CMAKE_COMMAND} --install ${work}/build --prefix ${work}/first)

file(GLOB_RECURSE installed RELATIVE ${work}/first ${work}/first/*)
file(GLOB_RECURSE expected RELATIVE ${source} ${source}/include/*.hpp)
list(APPEND expected share/cmake/spool/spool-config-version.cmake share/cmake/spool/spool-config.cmake
     share/cmake/spool/spool-targets.cmake share/doc/spool/LICENSE share/gdb/spool_printers.py
     share/pkgconfig/spool.pc)
list(SORT installed)
list(SORT expected)
if(NOT installed STREQUAL expected)
  list(REMOVE_ITEM installed ${expected})
  message(FATAL_ERROR "Besides what it should, it installs `${installed}`; or it misses something")
endif()

foreach(file IN LISTS installed)
  file(READ ${work}/first/${file} text)
  foreach(path IN ITEMS ${source} ${work})
    string(FIND "${text}" ${path} at)
    if(NOT at EQUAL -1)
      message(SEND_ERROR "${file} names ${path}")
    endif()
  endforeach()
endforeach()

file(RENAME ${work}/first ${prefix})
