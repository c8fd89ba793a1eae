# The version stands in include/spool/version.hpp; where it has to be repeated, the same is said.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)

function(compare file said expected)
  if(NOT said STREQUAL expected)
    message(SEND_ERROR "${file} says `${said}` and not `${expected}`")
  endif()
endfunction()

file(STRINGS ${prefix}/share/pkgconfig/spool.pc said REGEX "^Version: ")
compare(spool.pc "${said}" "Version: ${version}")

file(READ ${source}/cmake/vcpkg/vcpkg.json port)
string(JSON said GET "${port}" version)
compare(cmake/vcpkg/vcpkg.json "${said}" ${version})

# ── what a reader may copy ──
string(REGEX REPLACE "[.][0-9]+$" "" minor_version ${version})
file(READ ${source}/README.md readme)
string(REGEX MATCHALL "GIT_TAG [^ )\n]+" tags "${readme}")
foreach(said IN LISTS tags)
  compare(README.md "${said}" "GIT_TAG v${version}")
endforeach()
string(REGEX MATCHALL "spool/[0-9]+[.][0-9.]+" references "${readme}")
foreach(said IN LISTS references)
  compare(README.md "${said}" "spool/${version}")
endforeach()
string(REGEX MATCHALL "find_package\\(spool [0-9.]+" requests "${readme}")
foreach(said IN LISTS requests)
  compare(README.md "${said}" "find_package(spool ${minor_version}")
endforeach()
