// spool/detail/platform/process_wide.hpp · variables that all images of the process share (a seam)
// SPDX-License-Identifier: MIT
//
//   process_wide<T>::get() noexcept    the one T of the process, whichever image asks
//
// An image is the program, a shared library or a DLL. Inline variables exist once in each image that the loader does not
// join with others: those of hidden visibility, of plugins that are opened RTLD_LOCAL, of a program linked without
// -rdynamic, of DLLs. So an image looks for the T of another one before it uses its own:
//
//   ELF, on x86-64 and AArch64    Each image carries a note, in the section .note.spool, that leads to its T. The first
//                                 one in the order of the loader counts; the loader lists the images oldest first, so this
//                                 stays the first for good.
//   Windows                       The first image that asks puts the address of its T into a named piece of memory.
//   elsewhere                     The T has default visibility, and is one where the loader makes equal symbols one.
//
// The image that holds the T in use stays loaded. Images share it only if their T is the same: compiled with the same
// version of spool, the same standard library, the same kind of futex. They cannot find each other where each has a loader
// of its own (dlmopen), or notes were stripped.
//
// To find it takes the loader's lock, which a thread holds that initializes a library, and may wait for another that needs
// the T. So what threads of the library need is found in the static initializers of the header that declares it.
//
// T has a constexpr constructor, and is never destroyed: its destructor, if any, is constexpr and does nothing. Its
// T::process_name tells it from the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <version>

#include <spool/detail/config.hpp>
#include <spool/detail/platform/atomic.hpp>
#include <spool/detail/platform/futex_choice.hpp>

#if defined(__ELF__) && (defined(__x86_64__) || defined(__aarch64__)) && __has_include(<link.h>)
#define SPOOL_IMAGES_HAVE_NOTES 1
#include <spool/detail/platform/image_notes.hpp>
#elif defined(_WIN32)
#include <cstdio>
// Declared by hand, to the letter: <windows.h> brings thousands of names and macros, and may come before or after.
struct _SECURITY_ATTRIBUTES;
struct HINSTANCE__;
#if defined(_WIN64)
#define SPOOL_WINDOWS_SIZE_T unsigned long long
#else
#define SPOOL_WINDOWS_SIZE_T unsigned long
#endif
extern "C" {
__declspec(dllimport) void* __stdcall CreateFileMappingA(void* file, _SECURITY_ATTRIBUTES* security,
                                                         unsigned long protect, unsigned long size_high,
                                                         unsigned long size_low, const char* name);
__declspec(dllimport) void* __stdcall MapViewOfFile(void* mapping, unsigned long access, unsigned long offset_high,
                                                    unsigned long offset_low, SPOOL_WINDOWS_SIZE_T size);
__declspec(dllimport) unsigned long __stdcall GetCurrentProcessId();
__declspec(dllimport) int __stdcall GetModuleHandleExA(unsigned long flags, const char* name, HINSTANCE__** image);
}
#undef SPOOL_WINDOWS_SIZE_T
#endif

/// What every image has of its own, whatever the visibility that it is compiled with.
#if defined(SPOOL_IMAGES_HAVE_NOTES)
#define SPOOL_OF_THIS_IMAGE [[gnu::visibility("hidden")]]
#elif defined(_WIN32)
#define SPOOL_OF_THIS_IMAGE
#else
#define SPOOL_OF_THIS_IMAGE [[gnu::visibility("default")]]
#endif

namespace spool::inline SPOOL_ABI::detail {

/// Tells apart what must not be shared: by its name, the version, and what decides over the layout.
constexpr std::uint64_t process_key(std::string_view name, std::size_t size) noexcept {
  std::uint64_t key = 0xcbf29ce484222325ULL;  // FNV-1a
  const auto add = [&key](std::uint64_t part) { key = (key ^ part) * 0x100000001b3ULL; };
  for (const char c : name) add(static_cast<unsigned char>(c));
  add(size);
  add(SPOOL_VERSION);
  add(futex_is_portable ? 1 : 0);
#if defined(_LIBCPP_VERSION)
  add(1);
  add(_LIBCPP_ABI_VERSION);
#elif defined(__GLIBCXX__)
  add(2);
  add(_GLIBCXX_USE_CXX11_ABI);
#elif defined(_MSVC_STL_VERSION)
  add(3);
  add(_ITERATOR_DEBUG_LEVEL);
#endif
  return key;
}

/// The size of a T, or of what it leads to.
template <class T>
inline constexpr std::size_t process_layout = sizeof(T);
template <class T>
  requires requires { T::layout; }
inline constexpr std::size_t process_layout<T> = T::layout;

template <class T>
class SPOOL_OF_THIS_IMAGE process_wide {
public:
  /// Complexity  A load and a test, but for the first call in an image.
  static T& get() noexcept {
    T* const known = found_.load(memory_order_acquire);
    return known != nullptr ? *known : find();
  }

private:
  static constexpr std::uint64_t key = process_key(T::process_name, process_layout<T>);

  SPOOL_COLD static T& find() noexcept;

  static inline constinit T own_{};  // the one in use, or not
  static inline constinit atomic<T*> found_{nullptr};
};

#if defined(SPOOL_IMAGES_HAVE_NOTES)

template <class T>
T& process_wide<T>::find() noexcept {
  // The note of this image. The section joins the group of this function (`?`), so that it is there once however many
  // files have this function.
  __asm__ __volatile__(
      ".pushsection .note.spool,\"a?\",@note\n\t"
      ".balign 4\n\t"
      ".long 6, 12, %c1\n\t"
      ".asciz \"spool\"\n\t"
      ".balign 4\n\t"
      ".long %c2, %c3\n\t"
#if defined(__aarch64__)
      ".long %0 - .\n\t"
#else
      ".long %c0 - .\n\t"
#endif
      ".popsection"
      :
#if defined(__aarch64__)
      : "S"(&own_),
#else
      : "i"(&own_),
#endif
        "i"(image_note::type), "i"(static_cast<std::uint32_t>(key)), "i"(static_cast<std::uint32_t>(key >> 32)));
  T* const first = static_cast<T*>(find_process_wide(key));
  T* const used = first != nullptr ? first : &own_;
  found_.store(used, memory_order_release);
  return *used;
}

#elif defined(_WIN32)

template <class T>
T& process_wide<T>::find() noexcept {
  T* used = &own_;
  char name[64];
  std::snprintf(name, sizeof name, "Local\\spool-%016llx-%lu", static_cast<unsigned long long>(key),
                GetCurrentProcessId());
  constexpr unsigned long read_write = 4;
  constexpr unsigned long map_write = 2;
  // It stays open, and so in memory, as long as the process lives. Memory that is new holds zeros.
  void* const mapping = CreateFileMappingA(reinterpret_cast<void*>(-1), nullptr, read_write, 0, sizeof(void*), name);
  void* const view = mapping != nullptr ? MapViewOfFile(mapping, map_write, 0, 0, sizeof(void*)) : nullptr;
  if (view != nullptr) {
    T* first = nullptr;
    if (static_cast<atomic<T*>*>(view)->compare_exchange_strong(first, used, memory_order_acq_rel,
                                                                memory_order_acquire)) {
      constexpr unsigned long pin = 1;
      constexpr unsigned long from_address = 4;
      HINSTANCE__* image = nullptr;
      GetModuleHandleExA(pin | from_address, reinterpret_cast<const char*>(used), &image);
    } else {
      used = first;
    }
  }
  found_.store(used, memory_order_release);
  return *used;
}

#else

template <class T>
T& process_wide<T>::find() noexcept {
  found_.store(&own_, memory_order_release);
  return own_;
}

#endif

}  // namespace spool::inline SPOOL_ABI::detail
