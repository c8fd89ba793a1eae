# Checks that a compiler refuses a header of spool with these flags, by one error that says why, and says no more:
# besides that there is only the file whose absence ends the compilation.
#
#   cmake -DCOMPILER=g++ "-DFLAGS=-std=c++17" -DHEADER=spool/mutex.hpp "-DMESSAGE=regular expression"
#         -DINCLUDE=folder -DWORK=folder -P refused.cmake
cmake_minimum_required(VERSION 3.23)
string(MAKE_C_IDENTIFIER "${HEADER}" name)
file(WRITE ${WORK}/${name}.cpp "#include <${HEADER}>\n")
separate_arguments(FLAGS)
execute_process(COMMAND ${COMPILER} ${FLAGS} -fsyntax-only -I${INCLUDE} ${WORK}/${name}.cpp
                OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code)
string(REGEX MATCHALL "error: [^\n]*" errors "${output}")
list(LENGTH errors n)
if(code EQUAL 0)
  message(FATAL_ERROR "it compiled")
elseif(NOT n EQUAL 2)
  message(FATAL_ERROR "${n} errors, not 2:\n${output}")
endif()
list(GET errors 0 first)
list(GET errors 1 second)
if(NOT first MATCHES "${MESSAGE}" OR NOT second MATCHES "see_the_error_above")
  message(FATAL_ERROR "not the error that was expected:\n${output}")
endif()
