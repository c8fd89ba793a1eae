// spool/detail/platform/loaded_image.hpp · keeps the program or library that holds this code in memory
// SPDX-License-Identifier: MIT
//
//   void keep_image_loaded() noexcept    the image (program, shared library, DLL) that this function was compiled into is
//                                        not unloaded any more, whoever calls dlclose() or FreeLibrary(); nothing happens
//                                        where the system has no way to do it
#pragma once

#if defined(__APPLE__)
#include <dlfcn.h>
#endif

#include <cstddef>
#include <cstdint>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/process_wide.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// Something whose address lies in this image, in each image that was compiled with this header.
SPOOL_OF_THIS_IMAGE inline void code_of_this_image() noexcept {}

#if defined(__linux__) && defined(__GLIBC__) && defined(SPOOL_IMAGES_HAVE_NOTES)

/// An address, and the name of the image that holds it: null if none was found, empty for the program itself.
struct holder_search {
  std::uintptr_t address;
  const char* name = nullptr;
};

inline int look_for_holder(dl_phdr_info* info, std::size_t, void* argument) noexcept {
  holder_search& search = *static_cast<holder_search*>(argument);
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
  holder_search search{reinterpret_cast<std::uintptr_t>(&code_of_this_image)};
  ::dl_iterate_phdr(&look_for_holder, &search);
  if (search.name != nullptr) keep_image(search.name);
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
  static_cast<void>(GetModuleHandleExA(pin | from_address, reinterpret_cast<const char*>(&code_of_this_image), &image));
}

#else  // such as musl, which unloads nothing

inline void keep_image_loaded() noexcept {}

#endif

}  // namespace spool::inline SPOOL_ABI::detail
