# Runs word_count over a small tree made here and checks what it prints, and what it says to bad arguments.
#
#   cmake -DPROGRAM=path/to/word_count -DWORK=folder -DSYSTEM=name -P test.cmake
#
# SYSTEM is the one that the program is for, as CMake calls it: one for Windows knows no links or pipes of Unix.
cmake_minimum_required(VERSION 3.23)
set(tree "${WORK}/tree")

# expect(CODE STDOUT_REGEX STDERR_REGEX ARGUMENTS...)
function(expect code out err)
  if(err STREQUAL "^$" AND SYSTEM STREQUAL "Windows" AND CMAKE_HOST_UNIX)
    set(err "")  # Wine has things of its own to say
  endif()
  execute_process(COMMAND ${PROGRAM} ${ARGN} RESULT_VARIABLE got_code OUTPUT_VARIABLE got_out ERROR_VARIABLE got_err)
  if(NOT got_code STREQUAL code OR NOT got_out MATCHES "${out}" OR NOT got_err MATCHES "${err}")
    message(NOTICE "── word_count ${ARGN}\n── ended with ${got_code} ──\n${got_out}── stderr ──\n${got_err}")
    message(FATAL_ERROR "expected ${code}\n${out}\n── stderr ──\n${err}")
  endif()
endfunction()

# ── the tree: each file with its bytes, words, and words that are new ──
file(REMOVE_RECURSE "${tree}")
file(MAKE_DIRECTORY "${tree}/empty directory")
file(WRITE "${tree}/empty" "")                                          #      0      0  0
file(WRITE "${tree}/plain.txt" "one two two three three three")         #     29      6  3
file(WRITE "${tree}/a/names.hpp" "#define _x1 one;\n  [x-1]\\two\n")    #     29      6  4: define _x1 x 1
file(WRITE "${tree}/a/b/not ascii" "one\tnaïve\r\n")             #     12      3  2: na ve
string(REPEAT "w" 200000 long)
file(WRITE "${tree}/a/b/long word" "one ${long} one")                   # 200008      3  1
string(REPEAT "three " 50000 many)                                      # words on the edges of whatever is read at a time
file(WRITE "${tree}/a/many" "${many}")                                  # 300000  50000  0
set(files 6)
set(bytes 500,078)
set(words 50,018)
set(different 10)
set(top " +50,003  three\n +5  one\n +3  two\n")
set(symlinks 0)
set(specials 0)
set(unreadable 0)
set(reported "^$")
if(NOT SYSTEM STREQUAL "Windows")
  execute_process(COMMAND printf "\\000one\\000\\377two\\001\\000" OUTPUT_FILE "${tree}/binary")  # 11  2  0
  set(files 7)
  set(bytes 500,089)
  set(words 50,020)
  set(top " +50,003  three\n +6  one\n +4  two\n")
  file(CREATE_LINK ".." "${tree}/a/loop" SYMBOLIC)
  file(CREATE_LINK "../plain.txt" "${tree}/a/same" SYMBOLIC)
  file(CREATE_LINK "nowhere" "${tree}/dangling" SYMBOLIC)
  set(symlinks 3)
  execute_process(COMMAND mkfifo "${tree}/pipe")
  set(specials 1)
  execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT user STREQUAL "0")  # root may read everything
    file(WRITE "${tree}/a/secret" "one")
    file(MAKE_DIRECTORY "${tree}/locked")
    file(CHMOD "${tree}/a/secret" "${tree}/locked" PERMISSIONS OWNER_WRITE)
    set(unreadable 2)
    set(reported "can't read [^\n]*/a/secret: [^\n]+\nword_count: can't read [^\n]*/locked: ")
  endif()
endif()

# ── the counts ──
set(counts "${files} files, ${bytes} bytes, ${words} words, ${different} different words
left out: ${unreadable} unreadable, ${symlinks} symbolic links, ${specials} special files
")
set(times "one thread: [0-9.]+ s\npool of 3: [0-9.]+ s, [0-9.]+ times as fast\nthe pool's result equals that of one thread\n$")
expect(0 "^${counts}${top}${times}" "${reported}" --threads 3 --top 3 ${tree})
expect(0 "^${counts}one thread: .*equals" "${reported}" --threads=1 --top=0 -- ${tree})
expect(0 "^1 files, 29 bytes, 6 words, 3 different words\n" "^$" ${tree}/plain.txt)
expect(0 "^2 files, 58 bytes, 12 words, 3 different words\n" "^$" ${tree}/plain.txt ${tree}/plain.txt)
expect(0 "^0 files, 0 bytes, 0 words, 0 different words\n.*equals" "^$" "${tree}/empty directory")
if(NOT SYSTEM STREQUAL "Windows")
  expect(0 "^1 files, 29 bytes" "^$" ${tree}/a/same)
  expect(0 "^${counts}" "" ${tree}/a/loop)
endif()

# ── the arguments ──
expect(0 "^usage: word_count" "^$" --help)
expect(2 "^$" "unknown option '--thread'" --thread 3 ${tree})
expect(2 "^$" "unknown option '-x'" -x)
expect(2 "^$" "--threads needs a number\n" ${tree} --threads)
foreach(wrong 0 -1 3x 1025 99999999999999999999999 "")
  expect(2 "^$" "--threads needs a number from 1 to 1024, not '${wrong}'\nTry 'word_count --help'" --threads=${wrong} ${tree})
endforeach()
expect(2 "^$" "no such file or directory: '[^\n]*/missing'" ${tree} ${tree}/missing)
if(NOT SYSTEM STREQUAL "Windows" AND EXISTS /dev/full)
  execute_process(COMMAND sh -c [["$@" > /dev/full]] sh ${PROGRAM} --threads 2 ${tree}
                  RESULT_VARIABLE code ERROR_VARIABLE err)
  if(NOT code EQUAL 1 OR NOT err MATCHES "can't write the result")
    message(FATAL_ERROR "with a full disk it ended with ${code}\n${err}")
  endif()
endif()
