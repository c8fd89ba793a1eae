// spool/detail/platform/image_notes.hpp · how the images of an ELF process find each other
// SPDX-License-Identifier: MIT
//
// Each image carries notes, in the section .note.spool, that lead to what it has of its own. The loader maps them and says
// where they are (dl_iterate_phdr), for images of any visibility. It lists the images oldest first, and has relocated those
// before the caller's: so what an earlier one has is ready for use.
#pragma once

#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <spool/detail/config.hpp>

namespace spool::inline SPOOL_ABI::detail {

/// What a note says of an image: behind its header of three words and its name. The address is an offset from where it
/// stands, so that the loader has nothing to relocate.
struct image_note {
  static constexpr std::uint32_t type = 1;
  static constexpr char name[8] = "spool";  // with its end, and room to a multiple of four

  std::uint32_t key_low;
  std::uint32_t key_high;
  std::int32_t offset;
};

/// What a walk through the images looks for, and has found.
struct note_search {
  std::uint64_t key;
  void* found = nullptr;
  const char* image = nullptr;
};

/// Looks for the note in a segment of notes.      Returns  the address that it leads to, or null.
inline void* find_note(const unsigned char* at, const unsigned char* end, std::size_t alignment,
                       std::uint64_t key) noexcept {
  struct {
    std::uint32_t name_size, content_size, type;
  } head;
  const auto padded = [alignment](std::size_t size) { return (size + alignment - 1) / alignment * alignment; };
  while (static_cast<std::size_t>(end - at) >= sizeof head) {
    std::memcpy(&head, at, sizeof head);
    const unsigned char* const name = at + sizeof head;
    const std::size_t left = static_cast<std::size_t>(end - name);
    // Name and content begin at a multiple of the alignment, counted from the head.
    const std::size_t content = padded(sizeof head + head.name_size) - sizeof head;
    if (head.name_size > left || content > left || head.content_size > left - content) return nullptr;
    if (head.name_size == 6 && head.content_size == sizeof(image_note) && head.type == image_note::type &&
        std::memcmp(name, image_note::name, 6) == 0) {
      image_note note;
      std::memcpy(&note, name + content, sizeof note);
      if ((std::uint64_t{note.key_high} << 32 | note.key_low) == key) {
        const unsigned char* const from = name + content + offsetof(image_note, offset);
        return const_cast<unsigned char*>(from + note.offset);
      }
    }
    const std::size_t whole = padded(content + head.content_size);
    if (whole > left) return nullptr;
    at = name + whole;
  }
  return nullptr;
}

inline int look_for_note(dl_phdr_info* info, std::size_t, void* argument) noexcept {
  note_search& search = *static_cast<note_search*>(argument);
  for (std::size_t i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // The loader gives addresses as numbers. NOLINTNEXTLINE(performance-no-int-to-ptr)
    const auto* const at = reinterpret_cast<const unsigned char*>(info->dlpi_addr + segment.p_vaddr);
    search.found = find_note(at, at + segment.p_memsz, segment.p_align == 8 ? 8 : 4, search.key);
    if (search.found != nullptr) {
      search.image = info->dlpi_name;
      return 1;
    }
  }
  return 0;
}

/// Weak, so that nobody has to link anything for it. Not dlopen itself, which linkers warn of in a static program.
[[maybe_unused]] static void* find_symbol_if_linked(void*, const char*) noexcept __attribute__((weakref("dlsym")));

/// Keeps an image loaded for good.      Returns  false if it is not loaded any more, or cannot be kept.
inline bool keep_image(const char* name) noexcept {
  if (name[0] == '\0' || &find_symbol_if_linked == nullptr) return true;  // the program itself
  using open_image = void* (*)(const char*, int);
  const auto open = reinterpret_cast<open_image>(find_symbol_if_linked(RTLD_DEFAULT, "dlopen"));
  return open == nullptr || open(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) != nullptr;
}

/// The address that the first image with this key leads to; null if none says anything.
inline void* find_process_wide(std::uint64_t key) noexcept {
  for (int tries = 8;; --tries) {
    note_search before{key};
    ::dl_iterate_phdr(&look_for_note, &before);
    if (before.found == nullptr || keep_image(before.image) || tries == 0) {
      // It may have been unloaded before it was kept.
      note_search after{key};
      ::dl_iterate_phdr(&look_for_note, &after);
      if (after.found == before.found || tries == 0) return after.found;
    }
  }
}

}  // namespace spool::inline SPOOL_ABI::detail
