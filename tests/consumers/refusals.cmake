# Asks for what cannot be had: nothing is taken for it, and what is said helps.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
string(REPLACE "." ";" numbers ${version})
list(GET numbers 0 major)
list(GET numbers 1 minor)
list(GET numbers 2 patch)
math(EXPR next_major "${major} + 1")
math(EXPR next_minor "${minor} + 1")
math(EXPR next_patch "${patch} + 1")

file(WRITE ${work}/ask.cmake "find_package(spool \${wanted} REQUIRED)\n")
function(ask wanted expected)
  execute_process(COMMAND ${CMAKE_COMMAND} -D CMAKE_PREFIX_PATH=${prefix} "-D wanted=${wanted}" -P ${work}/ask.cmake
                  RESULT_VARIABLE code ERROR_VARIABLE errors)
  string(REGEX REPLACE "[ \n]+" " " said "${errors}")
  if(code EQUAL 0 OR NOT said MATCHES "${expected}")
    message(SEND_ERROR "Asked for `${wanted}`, it ends with ${code} and says:\n${errors}")
  endif()
endfunction()

foreach(wanted IN ITEMS 99 ${next_major}.0 ${major}.${next_minor} ${major}.${minor}.${next_patch})
  ask(${wanted} "compatible with requested version \"${wanted}\".*/spool-config.cmake, version: ${version}")
endforeach()
ask("COMPONENTS;pool" "There is no component `pool`: spool is one target, spool::spool")
