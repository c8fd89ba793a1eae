# The snippets of a page in Markdown, compiled and run, and what they print compared:
#
#   include(snippets.cmake)
#   add_snippets(${PROJECT_SOURCE_DIR}/README.md)
#
# Each fence that opens with ```cpp is one source file. With a main() it becomes a program and a CTest test of the label
# `snippet`, named snippet/PAGE/SECTION: the file's name and the nearest heading above, in small letters with - for all
# else; the second one of a section is SECTION-2, and so on. Without a main() it is compiled only. Its lines are numbered
# as in the page.
#
# A fence ```text below it, before the next snippet or heading, is what it prints, line by line. A comment in the line above
# that fence, which a reader of the page doesn't see, says more: <!-- in any order --> that the lines come in any order,
# <!-- the numbers vary --> that each number stands for any number. Without a fence the program only has to end well,
# whatever it prints.
#
# Code that is to be shown but not compiled stands in a fence ```c++.

# A heading, or a file's name, as part of a test's name: letters, figures and -.
function(snippet_slug text result)
  string(REGEX REPLACE "[{]#[^}]*[}]" "" text "${text}")
  string(TOLOWER "${text}" text)
  string(REGEX REPLACE "[^a-z0-9]+" "-" text "${text}")
  string(REGEX REPLACE "^-|-$" "" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# One snippet: code, and output as the comment that check_output.cmake reads, or nothing.
function(add_snippet page section code output)
  get_property(taken GLOBAL PROPERTY snippets_of_${page})
  set(name "${section}")
  set(count 1)
  while(name IN_LIST taken)
    math(EXPR count "${count} + 1")
    set(name "${section}-${count}")
  endwhile()
  set_property(GLOBAL APPEND PROPERTY snippets_of_${page} ${name})

  set(target snippet_${page}_${name})
  set(source "${CMAKE_CURRENT_BINARY_DIR}/snippets/${page}/${name}.cpp")
  set(at "@")
  string(REPLACE "@" "@at@" text "${code}${output}")
  file(CONFIGURE OUTPUT "${source}" CONTENT "${text}" @ONLY)  # written only if it changed
  if(NOT code MATCHES "int main[(]")
    if(NOT output STREQUAL "")
      message(FATAL_ERROR "${page}, ${section}: a snippet without a main() prints nothing")
    endif()
    add_library(${target} OBJECT "${source}")
    target_link_libraries(${target} PRIVATE spool::spool)
    return()
  endif()
  add_executable(${target} "${source}")
  target_link_libraries(${target} PRIVATE spool::spool)
  if(output STREQUAL "")
    add_test(NAME snippet/${page}/${name} COMMAND ${target})
  else()
    add_test(NAME snippet/${page}/${name}
             COMMAND ${CMAKE_COMMAND} "-DPROGRAM=${CMAKE_CROSSCOMPILING_EMULATOR};$<TARGET_FILE:${target}>"
                     "-DSOURCE=${source}" -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_output.cmake)
  endif()
  set_tests_properties(snippet/${page}/${name} PROPERTIES LABELS snippet TIMEOUT 60)
endfunction()

function(add_snippets file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  cmake_path(GET file STEM page)
  snippet_slug("${page}" page)
  file(READ "${file}" rest)
  set(section ${page})
  set(inside "")  # the opening line of the fence that this line stands in
  set(code "")    # the snippet read last, until it is known what it prints
  set(number 0)
  set(above "")   # the comment in the line above
  while(NOT rest STREQUAL "")  # line by line: a list of CMake would come apart at what C++ is made of
    string(FIND "${rest}" "\n" end)
    if(end EQUAL -1)
      set(line "${rest}")
      set(rest "")
    else()
      string(SUBSTRING "${rest}" 0 ${end} line)
      math(EXPR end "${end} + 1")
      string(SUBSTRING "${rest}" ${end} -1 rest)
    endif()
    math(EXPR number "${number} + 1")

    if(inside STREQUAL "")
      if(line MATCHES "^```cpp *$" OR line MATCHES "^#+ ")
        if(NOT code STREQUAL "")
          add_snippet("${page}" "${section}" "${code}" "")
          set(code "")
        endif()
      endif()
      if(line MATCHES "^#+ (.*)$")
        snippet_slug("${CMAKE_MATCH_1}" section)
      elseif(line MATCHES "^```cpp *$")
        string(REPEAT "\n" ${number} code)  # so that the compiler's line numbers are the page's
        set(inside "cpp")
      elseif(line MATCHES "^```text *$")
        set(output "\n// Output:\n")
        if(above MATCHES "in any order")
          set(output "\n// Unordered output:\n")
        endif()
        set(numbers_vary FALSE)
        if(above MATCHES "the numbers vary")
          set(numbers_vary TRUE)
        endif()
        set(inside "text")
      elseif(line MATCHES "^```")
        set(inside "other")
      endif()
    elseif(line MATCHES "^``` *$")
      if(inside STREQUAL "text" AND NOT code STREQUAL "")
        add_snippet("${page}" "${section}" "${code}" "${output}")
        set(code "")
      endif()
      set(inside "")
    elseif(inside STREQUAL "cpp")
      string(APPEND code "${line}\n")
    elseif(inside STREQUAL "text")
      if(numbers_vary)
        string(REGEX REPLACE "[0-9]+" "<number>" line "${line}")
      endif()
      string(APPEND output "// ${line}\n")
    endif()
    set(above "")
    if(line MATCHES "^<!-- (.*) -->$")
      set(above "${CMAKE_MATCH_1}")
    endif()
  endwhile()
  if(NOT code STREQUAL "")
    add_snippet("${page}" "${section}" "${code}" "")
  endif()
  get_property(found GLOBAL PROPERTY snippets_of_${page})
  if(NOT found OR NOT inside STREQUAL "")
    message(FATAL_ERROR "${file}: no snippet, or a fence that is not closed")
  endif()
endfunction()
