// spool/detail/platform/cpu.hpp · the processor of the model: a pause lets other threads run
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <spool/detail/config.hpp>

#include <engine/access.hpp>

namespace spool::inline SPOOL_ABI::detail {

inline void cpu_pause() noexcept { ::model::pause(); }
inline void cpu_yield() noexcept { ::model::yield(); }
inline void cpu_nap() noexcept { ::model::yield(); }  // its end is no event that a scenario may rely on
inline bool has_several_cpus() noexcept { return ::model::has_several_cpus(); }

inline std::uintptr_t stack_position() noexcept { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

}  // namespace spool::inline SPOOL_ABI::detail
