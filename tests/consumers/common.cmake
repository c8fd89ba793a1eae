# What the scripts of these tests share.
cmake_minimum_required(VERSION 3.23)

# Runs a command and leaves in `output` what it prints on stdout; if it fails, so does the test.
function(run)
  execute_process(COMMAND ${ARGV} OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGV " " command)
    message(NOTICE "${output}${errors}")
    message(FATAL_ERROR "ended with ${code}: ${command}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs main.cpp's program.
function(check_program program futex)
  run(${program})
  string(STRIP "${output}" output)
  if(NOT output STREQUAL "spool ${version} on ${futex} futex: 385")
    message(FATAL_ERROR "The program says: ${output}")
  endif()
endfunction()
