# Compiles a file with a mistake in it, and checks what the compiler says first; and the same file corrected.
#
#   cmake -DCOMPILER=g++ -DSOURCE=path/to/file.cpp -P compile_errors.cmake
#
# Line 1 of the file is `// error: SENTENCE`: the first error must hold the sentence as it stands, and at most six more
# may follow it. Corrected, that is with CORRECTED defined, the file compiles without a warning: so it is the mistake
# that is complained of.
cmake_minimum_required(VERSION 3.23)

set(most_errors 7)
set(command ${COMPILER} -std=c++20 -I${CMAKE_CURRENT_LIST_DIR}/../include -Wall -Wextra -Wpedantic -Wshadow -Wconversion
            -Werror -fsyntax-only ${SOURCE})
set(ENV{LC_ALL} C)

file(STRINGS ${SOURCE} expected LIMIT_COUNT 1)
if(NOT expected MATCHES "^// error: ")
  message(FATAL_ERROR "${SOURCE}: line 1 is not `// error: SENTENCE`")
endif()
string(REGEX REPLACE "^// error: " "" expected "${expected}")

function(fail reason)
  message(NOTICE "${said}")
  message(FATAL_ERROR "${SOURCE}: ${reason}")
endfunction()

execute_process(COMMAND ${command} -DCORRECTED ERROR_VARIABLE said RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  fail("does not compile corrected")
endif()

execute_process(COMMAND ${command} ERROR_VARIABLE said RESULT_VARIABLE code)
if(code EQUAL 0)
  fail("compiles, mistake and all")
endif()
# Characters that mean something to CMake's lists must not cut a line in two.
string(REPLACE ";" "," lines "${said}")
string(REPLACE "[" "(" lines "${lines}")
string(REPLACE "]" ")" lines "${lines}")
string(REPLACE ";" "," expected "${expected}")
string(REPLACE "[" "(" expected "${expected}")
string(REPLACE "]" ")" expected "${expected}")
string(REGEX MATCHALL "[^\n]* error: [^\n]*" errors "${lines}")
list(LENGTH errors count)
list(POP_FRONT errors first)
string(FIND "${first}" "${expected}" at)
if(at EQUAL -1)
  fail("the first error does not say: ${expected}")
elseif(count GREATER most_errors)
  fail("more than ${most_errors} errors: ${count}")
endif()
