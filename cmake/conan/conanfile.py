# conan create spool/cmake/conan: packages spool from the clone that this recipe lies in.
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load

required_conan_version = ">=2.0"


class SpoolConan(ConanFile):
    name = "spool"
    description = "Python's threading, queue and concurrent.futures as C++20 headers"
    license = "MIT"
    topics = ("threads", "thread-pool", "queue", "futures", "header-only")
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"futex": ["system", "portable"]}
    default_options = {"futex": "system"}
    no_copy_source = True

    @property
    def _clone(self):
        return os.path.normpath(os.path.join(self.recipe_folder, "..", ".."))

    def set_version(self):
        header = load(self, os.path.join(self._clone, "include", "spool", "version.hpp"))
        self.version = ".".join(re.findall(r"#define SPOOL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))

    def export_sources(self):
        copy(self, "include/spool/*.hpp", self._clone, self.export_sources_folder)
        copy(self, "LICENSE", self._clone, self.export_sources_folder)

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "include/spool/*.hpp", self.source_folder, self.package_folder)
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "spool")
        self.cpp_info.set_property("cmake_target_name", "spool::spool")
        self.cpp_info.set_property("pkg_config_name", "spool")
        if self.options.futex == "portable":
            self.cpp_info.defines = ["SPOOL_FUTEX=portable"]
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
        elif self.settings.os == "Windows":
            self.cpp_info.system_libs = ["synchronization"]
