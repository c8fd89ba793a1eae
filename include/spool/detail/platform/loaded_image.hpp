// spool/detail/platform/loaded_image.hpp · keeps the program or library that holds this code in memory
// SPDX-License-Identifier: MIT
//
//   void keep_image_loaded() noexcept    the image (program, shared library, DLL) that this function was compiled into is
//                                        not unloaded any more, whoever calls dlclose() or FreeLibrary(); nothing happens
//                                        where the system has no way to do it
#pragma once

#if defined(__linux__)
#include <dlfcn.h>
#include <link.h>
#elif defined(__APPLE__)
#include <dlfcn.h>
#elif defined(_WIN32)
struct HINSTANCE__;
extern "C" __declspec(dllimport) int __stdcall GetModuleHandleExW(unsigned long, const wchar_t*, HINSTANCE__**);
#endif

#include <cstddef>
#include <cstdint>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Something whose address lies in this image, in each image that was compiled with this header.
inline void code_of_this_image() noexcept {}

#if defined(__linux__) && defined(__GLIBC__)

/// Weak, so that nobody has to link anything for it: null in a program without shared libraries, where nothing is
/// unloaded, and where an old C library keeps it in libdl and the program does not use that.
[[maybe_unused]] static void* dlopen_if_linked(const char*, int) noexcept __attribute__((weakref("dlopen")));

/// An address, and the name of the image that holds it: null if none was found, empty for the program itself.
struct image_search {
  std::uintptr_t address;
  const char* name = nullptr;
};

inline int look_into_image(dl_phdr_info* info, std::size_t, void* argument) noexcept {
  image_search& search = *static_cast<image_search*>(argument);
  for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && search.address - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz) {
      search.name = info->dlpi_name;
      return 1;
    }
  }
  return 0;
}

inline void keep_image_loaded() noexcept {
  if (&dlopen_if_linked == nullptr) return;
  image_search search{reinterpret_cast<std::uintptr_t>(&code_of_this_image)};
  ::dl_iterate_phdr(&look_into_image, &search);
  if (search.name == nullptr || search.name[0] == '\0') return;
  static_cast<void>(dlopen_if_linked(search.name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE));
}

#elif defined(__APPLE__)

inline void keep_image_loaded() noexcept {
  Dl_info found{};
  if (::dladdr(reinterpret_cast<const void*>(&code_of_this_image), &found) == 0) return;
  static_cast<void>(::dlopen(found.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE));
}

#elif defined(_WIN32)

inline void keep_image_loaded() noexcept {
  constexpr unsigned long pin = 1;
  constexpr unsigned long from_address = 4;
  HINSTANCE__* image = nullptr;
  static_cast<void>(
      GetModuleHandleExW(pin | from_address, reinterpret_cast<const wchar_t*>(&code_of_this_image), &image));
}

#else  // such as musl, which unloads nothing

inline void keep_image_loaded() noexcept {}

#endif

}  // namespace spool::inline SPOOL_ABI::detail
