# Configures, builds and runs the project in the folder `way`.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
file(REMOVE_RECURSE ${work})

if(way STREQUAL "fetch_content")  # a repository that holds what a clone of spool does
  find_program(git git)
  if(NOT git)
    message("Skipped: there is no git")
    return()
  endif()
  set(repository ${work}/repository)
  file(COPY ${source}/CMakeLists.txt ${source}/LICENSE ${source}/cmake ${source}/include DESTINATION ${repository})
  set(ENV{GIT_CONFIG_GLOBAL} ${work}/gitconfig)
  set(ENV{GIT_CONFIG_NOSYSTEM} 1)
  file(WRITE ${work}/gitconfig "[user]\nname = somebody\nemail = somebody@example.org\n[advice]\ndetachedHead = false\n")
  run(${git} -C ${repository} init --quiet)
  run(${git} -C ${repository} add .)
  run(${git} -C ${repository} commit --quiet --message everything)
  run(${git} -C ${repository} tag v${version})
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${way} -B ${work}/build -G ${generator} --no-warn-unused-cli
    -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_CXX_FLAGS=${flags} -D CMAKE_RUNTIME_OUTPUT_DIRECTORY=${work}/$<1:bin>
    -D CMAKE_PREFIX_PATH=${prefix} -D SPOOL_FUTEX=${SPOOL_FUTEX}
    -D spool_version=${version} -D spool_folder=${source} -D spool_repository=${repository})
run(${CMAKE_COMMAND} --build ${work}/build --config Debug)
if(SPOOL_FUTEX)
  check_program(${work}/bin/program ${SPOOL_FUTEX})
else()
  check_program(${work}/bin/program own)
endif()

if(way STREQUAL "find_package")
  file(STRINGS ${work}/build/CMakeCache.txt found REGEX "^spool_DIR:")
  if(NOT found STREQUAL "spool_DIR:PATH=${prefix}/share/cmake/spool")
    message(FATAL_ERROR "It found another one: ${found}")
  endif()
else()  # its own program is all that a project installs
  run(${CMAKE_COMMAND} --install ${work}/build --prefix ${work}/installed --config Debug)
  file(GLOB_RECURSE installed LIST_DIRECTORIES false RELATIVE ${work}/installed ${work}/installed/*)
  if(NOT installed MATCHES "^bin/program(.exe)?$")
    message(FATAL_ERROR "It installs ${installed}")
  endif()
endif()
