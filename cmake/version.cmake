# The version is written in one place only, the header; here it is read.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../include/spool/version.hpp spool_version
     REGEX "define SPOOL_VERSION_(MAJOR|MINOR|PATCH) ")
string(REGEX MATCHALL "[0-9]+" spool_version "${spool_version}")
list(JOIN spool_version "." spool_version)
