# cmake --install: the headers, a package for find_package, and one for pkg-config. Nothing in them depends on the
# processor, so all lies in include/ and share/; nothing names the prefix, so it may be moved.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/spool)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

target_include_directories(spool INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/spool DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/cmake/gdb/spool_printers.py DESTINATION ${CMAKE_INSTALL_DATADIR}/gdb)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/spool)

install(TARGETS spool EXPORT spool-targets)
install(EXPORT spool-targets NAMESPACE spool:: DESTINATION ${package_dir})
configure_file(${PROJECT_SOURCE_DIR}/cmake/spool-config.cmake.in spool-config.cmake @ONLY)
write_basic_package_version_file(spool-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/spool-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/spool-config-version.cmake
        DESTINATION ${package_dir})

# spool.pc finds the prefix from where it lies itself.
cmake_path(ABSOLUTE_PATH pkgconfig_dir BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} NORMALIZE OUTPUT_VARIABLE full_dir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${full_dir} OUTPUT_VARIABLE way_to_prefix)
set(pkgconfig_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${pkgconfig_includedir}")
  string(PREPEND pkgconfig_includedir "\${prefix}/")
endif()
set(pkgconfig_cflags "-I\${includedir}")
if(SPOOL_FUTEX)
  string(APPEND pkgconfig_cflags " -DSPOOL_FUTEX=${SPOOL_FUTEX}")
endif()
set(pkgconfig_libs "-pthread")
if(WIN32)
  string(APPEND pkgconfig_libs " -lsynchronization")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/spool.pc.in spool.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/spool.pc DESTINATION ${pkgconfig_dir})
