# Shows the demos, in the order of README.md, and checks what each prints:
#
#   cmake -D programs=FOLDER -P run_demos.cmake [NAME...]
#
# `programs` is where the demos were built. A row `| [NAME](THEME/NAME.cpp) | what it shows |` of README.md names a demo and
# says what it shows. NAME... shows these alone.
cmake_minimum_required(VERSION 3.23)

set(wanted "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 0 ${last})
  if(DEFINED after_script)
    list(APPEND wanted "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} MATCHES "run_demos[.]cmake$")
    set(after_script TRUE)
  endif()
endforeach()

set(shown 0)
set(failed "")
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/README.md rows REGEX "^\\| \\[[a-z_]+\\]\\([a-z]+/[a-z_]+\\.cpp\\) \\|" ENCODING UTF-8)
foreach(row IN LISTS rows)
  if(NOT row MATCHES "^\\| \\[([a-z_]+)\\]\\(([a-z]+/[a-z_]+\\.cpp)\\) \\| (.*) \\|$")
    continue()
  endif()
  set(name ${CMAKE_MATCH_1})
  set(source ${CMAKE_CURRENT_LIST_DIR}/${CMAKE_MATCH_2})
  set(what "${CMAKE_MATCH_3}")
  if(wanted AND NOT name IN_LIST wanted)
    continue()
  endif()
  message(NOTICE "── ${name}: ${what} ──")
  string(TIMESTAMP start "%s%f")
  execute_process(COMMAND ${CMAKE_COMMAND} -DSHOW=ON -DPROGRAM=${programs}/${name} -DSOURCE=${source}
                          -P ${CMAKE_CURRENT_LIST_DIR}/../tests/check_output.cmake RESULT_VARIABLE code)
  string(TIMESTAMP end "%s%f")
  math(EXPR tenths "(${end} - ${start}) / 100000")
  math(EXPR seconds "${tenths} / 10")
  math(EXPR tenths "${tenths} % 10")
  message(NOTICE "   ${seconds}.${tenths} s\n")
  math(EXPR shown "${shown} + 1")
  if(NOT code EQUAL 0)
    list(APPEND failed ${name})
  endif()
endforeach()

if(shown EQUAL 0)
  message(FATAL_ERROR "README.md has no such demo")
elseif(failed)
  list(JOIN failed ", " failed)
  message(FATAL_ERROR "not as expected: ${failed}")
elseif(NOT wanted)
  message(NOTICE "${shown} demos, all as expected")
endif()
