# All headers as one file: cmake -D output=spool.hpp -P cmake/single_header.cmake
#
# Each header of include/spool takes the place of the first #include that names it, and keeps its first line as its
# heading. What goes: the other #includes of it, its licence line (the licence stands once, at the top), #pragma once,
# and the comments between the lines of detail/, which are for those who change it. What the standard library and the
# system are asked for outside of any #if is gathered at the top.
#
# A header that is included inside an #if stays inside it, so it may be named nowhere else; what it includes itself
# comes before that #if.
cmake_minimum_required(VERSION 3.23)
cmake_path(SET root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
if(NOT output)
  message(FATAL_ERROR "Say where: cmake -D output=spool.hpp -P cmake/single_header.cmake")
endif()
include(${CMAKE_CURRENT_LIST_DIR}/version.cmake)

# The text of a header without what the single file has once; its first line comes back as `heading`.
function(read_header header)
  file(READ ${root}/include/${header} text)
  if(NOT text MATCHES "^(// [^\n]+)\n// SPDX-License-Identifier: MIT\n")
    message(FATAL_ERROR "include/${header} does not begin with its name and its licence")
  endif()
  set(heading "${CMAKE_MATCH_1}" PARENT_SCOPE)
  string(LENGTH "${CMAKE_MATCH_0}" length)
  string(SUBSTRING "${text}" ${length} -1 text)
  string(REPLACE "#pragma once\n" "" text "${text}")
  if(header MATCHES "^spool/(detail/|spool.hpp)")
    string(REGEX REPLACE "\n *//[^\n]*" "" text "\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

function(put text)
  set_property(GLOBAL APPEND_STRING PROPERTY body "${text}")
endfunction()

# What `header` includes outside of any #if, ahead of an #if that is to hold `header` itself.
function(put_ahead header)
  read_header(${header})
  string(REGEX REPLACE "\n#if.*" "" text "\n${text}")
  string(REGEX MATCHALL "\n#include <spool/[^>]+>" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE ".*<(.+)>" "\\1" name "${include}")
    put_header(${name} 0)
  endforeach()
endfunction()

# `depth`: how many #ifs enclose the #include that is replaced.
function(put_header header depth)
  get_property(place GLOBAL PROPERTY place_of_${header})
  if(place STREQUAL "outside")
    return()
  elseif(place)
    message(FATAL_ERROR "include/${header} is included inside an #if and once more: no one place is right for it")
  endif()
  if(depth GREATER 0)
    set_property(GLOBAL PROPERTY place_of_${header} "inside")
  else()
    set_property(GLOBAL PROPERTY place_of_${header} "outside")
  endif()

  read_header(${header})
  if(depth EQUAL 0)
    string(REGEX MATCHALL "\n#(if|endif|include <spool/[^>]+)" directives "${text}")
    set(inner 0)
    foreach(directive IN LISTS directives)
      if(directive MATCHES "#if")
        math(EXPR inner "${inner} + 1")
      elseif(directive MATCHES "#endif")
        math(EXPR inner "${inner} - 1")
      elseif(inner GREATER 0 AND directive MATCHES "<(.+)")
        put_ahead(${CMAKE_MATCH_1})
      endif()
    endforeach()
  endif()

  put("\n${heading}\n")
  set(text "\n${text}")
  while(text MATCHES "\n#(if|endif|include)[^\n]*")
    set(line "${CMAKE_MATCH_0}")
    set(kind ${CMAKE_MATCH_1})
    string(FIND "${text}" "${line}" at)
    string(LENGTH "${line}" length)
    string(SUBSTRING "${text}" 0 ${at} before)
    math(EXPR after "${at} + ${length}")
    string(SUBSTRING "${text}" ${after} -1 text)
    put("${before}")
    if(kind STREQUAL "if")
      math(EXPR depth "${depth} + 1")
    elseif(kind STREQUAL "endif")
      math(EXPR depth "${depth} - 1")
    elseif(line MATCHES "<(spool/[^>]+)>")
      put_header(${CMAKE_MATCH_1} ${depth})
      continue()
    elseif(depth EQUAL 0)
      string(REGEX REPLACE "^\n(#include <[^>]+>).*" "\\1" line "${line}")
      set_property(GLOBAL APPEND PROPERTY includes "${line}")
      continue()
    endif()
    put("${line}")
  endwhile()
  put("${text}")
endfunction()

put_header(spool/spool.hpp 0)
get_property(body GLOBAL PROPERTY body)
get_property(includes GLOBAL PROPERTY includes)
list(SORT includes)
list(REMOVE_DUPLICATES includes)
list(JOIN includes "\n" includes)

file(READ ${root}/LICENSE licence)
string(STRIP "${licence}" licence)
string(REPLACE "\n" "\n// " licence "// ${licence}")
string(REPLACE "// \n" "//\n" licence "${licence}")
string(REGEX REPLACE "\n\n\n+" "\n\n" text "\
// spool ${spool_version} in one header: in place of include/, never beside it.
// Made by cmake/single_header.cmake: change what it is made from.
// SPDX-License-Identifier: MIT
//
${licence}
#pragma once

${includes}
${body}")
if(text MATCHES "\n[ \t]*#[ \t]*include[ \t]*[<\"]spool/[^\n]*")
  message(FATAL_ERROR "Left in the single header:${CMAKE_MATCH_0}")
endif()
file(WRITE ${output} "${text}")
