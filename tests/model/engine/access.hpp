// engine/access.hpp · what the shadow headers ask of the engine
// SPDX-License-Identifier: MIT
//
// Outside an execution, before and after the scenarios, all of this acts on
// memory at once.
#pragma once

#include <cstdint>

namespace model {

enum class operation : unsigned char { exchange, add, subtract, bit_or, bit_and, bit_xor, bit_nand };

void atomic_begins(const void* address, unsigned size) noexcept;
void atomic_ends(const void* address) noexcept;

// `order` is the number of a std::memory_order.
std::uint64_t atomic_load(const void* address, unsigned size, int order) noexcept;
void atomic_store(void* address, unsigned size, std::uint64_t value, int order) noexcept;
std::uint64_t atomic_modify(void* address, unsigned size, operation what, std::uint64_t operand, int order) noexcept;
bool atomic_compare_exchange(void* address, unsigned size, std::uint64_t& expected, std::uint64_t desired, int success,
                             int failure, bool weak) noexcept;

void pause() noexcept;
void yield() noexcept;
bool has_several_cpus() noexcept;

}  // namespace model
