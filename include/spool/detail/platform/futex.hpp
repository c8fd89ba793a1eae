// spool/detail/platform/futex.hpp · sleep on a word, wake who sleeps on it (a seam)
// SPDX-License-Identifier: MIT
//
// The contract, kept by every file in platform/ that the chooser below can take:
//
//   bool futex_wait(const atomic<uint32_t>& word, uint32_t expected, deadline until) noexcept
//        Sleeps if the word holds `expected`, until a wake, the deadline, or for no reason at all.
//        False only if the deadline has passed. Atomic with respect to wakes: a thread that changes the word and
//        then wakes cannot be missed.
//   void futex_wake_one(const atomic<uint32_t>* word) noexcept
//   void futex_wake_all(const atomic<uint32_t>* word) noexcept
//        Wake one, or all, of those asleep on that address. Never read the word: the object may be gone
//        already, and a stranger's word may live at its address (hence the waits that end for no reason).
//
// None of them orders memory: what the woken thread may see is decided by the atomics of the algorithm.
#pragma once

#include <spool/detail/platform/futex_choice.hpp>

#if defined(SPOOL_FUTEX_PORTABLE)
#include <spool/detail/platform/futex_portable.hpp>
#elif defined(__linux__)
#include <spool/detail/platform/futex_linux.hpp>
#elif defined(_WIN32)
#include <spool/detail/platform/futex_windows.hpp>
#else
#include <spool/detail/platform/futex_darwin.hpp>
#endif
