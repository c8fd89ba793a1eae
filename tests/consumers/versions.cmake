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
foreach(page IN ITEMS README.md .github/reference/install.md)
  file(READ ${source}/${page} text)
  string(REGEX MATCHALL "GIT_TAG [^ )\n]+" tags "${text}")
  foreach(said IN LISTS tags)
    compare(${page} "${said}" "GIT_TAG v${version}")
  endforeach()
  string(REGEX MATCHALL "spool/[0-9]+[.][0-9.]+" references "${text}")
  foreach(said IN LISTS references)
    compare(${page} "${said}" "spool/${version}")
  endforeach()
  string(REGEX MATCHALL "find_package\\(spool [0-9.]+" requests "${text}")
  foreach(said IN LISTS requests)
    compare(${page} "${said}" "find_package(spool ${minor_version}")
  endforeach()
endforeach()
