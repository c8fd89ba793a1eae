# Asks for versions that cannot be had: none is taken for them, and it is said which there is.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
string(REPLACE "." ";" numbers ${version})
list(GET numbers 0 major)
list(GET numbers 1 minor)
list(GET numbers 2 patch)
math(EXPR next_major "${major} + 1")
math(EXPR next_minor "${minor} + 1")
math(EXPR next_patch "${patch} + 1")

file(WRITE ${work}/ask.cmake "find_package(spool \${wanted} REQUIRED)\n")
foreach(wanted IN ITEMS 99 ${next_major}.0 ${major}.${next_minor} ${major}.${minor}.${next_patch})
  execute_process(COMMAND ${CMAKE_COMMAND} -D CMAKE_PREFIX_PATH=${prefix} -D wanted=${wanted} -P ${work}/ask.cmake
                  RESULT_VARIABLE code ERROR_VARIABLE errors)
  string(REGEX REPLACE "[ \n]+" " " said "${errors}")
  if(code EQUAL 0 OR NOT said MATCHES "compatible with requested version \"${wanted}\""
     OR NOT said MATCHES "/spool-config.cmake, version: ${version}")
    message(SEND_ERROR "Asked for ${wanted}, it ends with ${code} and says:\n${errors}")
  endif()
endforeach()
