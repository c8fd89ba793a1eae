# Checks check_output.cmake itself: each case is a comment, what a program prints, and whether the two fit.
cmake_minimum_required(VERSION 3.23)
set(here "${CMAKE_CURRENT_LIST_DIR}")

# case(fits|differs COMMENT OUTPUT)
function(case verdict comment output)
  string(REPLACE "\n" "\n// " comment "// ${comment}")
  file(WRITE "${WORK}/case.cpp" "int main() {}\n\n${comment}\n")
  file(WRITE "${WORK}/case.txt" "${output}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} "-DPROGRAM=${CMAKE_COMMAND};-E;cat;${WORK}/case.txt"
                          "-DSOURCE=${WORK}/case.cpp" -P ${here}/check_output.cmake
                  RESULT_VARIABLE code ERROR_VARIABLE errors OUTPUT_QUIET)
  if(code EQUAL 0)
    set(got "fits")
  else()
    set(got "differs")
  endif()
  if(NOT got STREQUAL verdict)
    message(SEND_ERROR "should be '${verdict}':\n${comment}\n── printed ──\n${output}\n${errors}")
  endif()
endfunction()

file(MAKE_DIRECTORY "${WORK}")

case(fits    "Output:\na\nb" "a\nb")
case(differs "Output:\na\nb" "b\na")
case(differs "Output:\na\nb" "a")
case(differs "Output:\na" "a\nb")
case(differs "Output:\na" "")
case(differs "no heading" "no heading")

case(fits    "Unordered output:\na\nb\na" "a\na\nb")
case(differs "Unordered output:\na\nb\na" "a\nb\nb")
case(differs "Unordered output:\na\nb" "a")
case(differs "Unordered output:\na\nb" "a\nb\nc")

case(fits    "Unordered output:\na\nb\nOutput:\nend" "b\na\nend")
case(differs "Unordered output:\na\nb\nOutput:\nend" "b\nend\na")

case(fits    "Optional output:\na <1..>\nb\nOutput:\nend" "a 1\nb\nend")
case(fits    "Optional output:\na <1..>\nb\nOutput:\nend" "b\nend")
case(fits    "Output:\nbegin\nOptional output:\na" "begin")
case(differs "Optional output:\na\nb\nOutput:\nend" "b\na\nend")
case(differs "Optional output:\na\nOutput:\nend" "c\nend")
case(differs "Optional output:\na <1..>" "a 0")

case(fits    "Unordered output:\na\nb\nc\nIn this order:\nc\na" "c\nb\na")
case(differs "Unordered output:\na\nb\nc\nIn this order:\nc\na" "a\nb\nc")

case(fits    "Output:\ntook <number> s, <number> %" "took 0.25 s, 7 %")
case(differs "Output:\ntook <number> s" "took long s")
case(differs "Output:\ntook <number> s" "took 1 s longer")
case(fits    "Output:\n<0.1..0.5> and <1..> and <..3>" "0.5 and 10 and 3.0")
case(differs "Output:\n<0.1..0.5> and <1..> and <..3>" "0.6 and 10 and 3.0")
case(differs "Output:\n<0.1..0.5> and <1..> and <..3>" "0.5 and 0.9 and 3.0")
case(differs "Output:\n<0.1..0.5> and <1..> and <..3>" "0.5 and 10 and 3.1")
case(fits    "Unordered output:\n<1..9>\n5" "5\n6")
case(fits    "Unordered output:\n<1..>\n<2..>\n<3..>" "3\n2\n1")
case(differs "Unordered output:\n<1..>\n<2..>\n<3..>" "3\n1\n1")
case(differs "Unordered output:\n<6..9>\n5" "5\n5")

case(fits    "Output:\n[1, 2]; a.b* (c) \\ {d} <e>\n\n  end" "[1, 2]; a.b* (c) \\ {d} <e>\n\n  end")
case(differs "Output:\na.b" "axb")
case(differs "Output:\n[1;2]" "[1,2]")
