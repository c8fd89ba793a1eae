// engine/access.cpp · the accesses of the shadow headers: within an execution the model's, outside plain ones
// SPDX-License-Identifier: MIT
#include <cstring>

#include <engine/engine.hpp>

namespace model {

namespace {

bool outside() noexcept { return g == nullptr || !g->active; }

std::uint64_t in_memory(const void* address, unsigned size) noexcept {
  std::uint64_t bits = 0;
  std::memcpy(&bits, address, size);
  return bits;
}

}  // namespace

std::uint64_t cut(std::uint64_t value, unsigned size) noexcept {
  return size == 8 ? value : value & ((std::uint64_t{1} << (8 * size)) - 1);
}

std::uint64_t applied(operation what, std::uint64_t before, std::uint64_t operand) noexcept {
  switch (what) {
    case operation::exchange:
      return operand;
    case operation::add:
      return before + operand;
    case operation::subtract:
      return before - operand;
    case operation::bit_or:
      return before | operand;
    case operation::bit_and:
      return before & operand;
    case operation::bit_xor:
      return before ^ operand;
    case operation::bit_nand:
      return ~(before & operand);
  }
  return operand;
}

std::uint64_t atomic_load(const void* address, unsigned size, int order) noexcept {
  if (outside()) return in_memory(address, size);
  return load_at(address, size, order, __builtin_return_address(0));
}
void atomic_store(void* address, unsigned size, std::uint64_t value, int order) noexcept {
  if (outside()) {
    std::memcpy(address, &value, size);
    return;
  }
  store_at(address, size, value, order, __builtin_return_address(0));
}
std::uint64_t atomic_modify(void* address, unsigned size, operation what, std::uint64_t operand, int order) noexcept {
  if (outside()) {
    const std::uint64_t before = in_memory(address, size);
    const std::uint64_t value = applied(what, before, operand);
    std::memcpy(address, &value, size);
    return before;
  }
  return modify_at(address, size, what, operand, order, __builtin_return_address(0));
}
bool atomic_compare_exchange(void* address, unsigned size, std::uint64_t& expected, std::uint64_t desired, int success,
                             int failure, bool weak) noexcept {
  if (outside()) {
    const std::uint64_t before = in_memory(address, size);
    if (before != cut(expected, size)) {
      expected = before;
      return false;
    }
    std::memcpy(address, &desired, size);
    return true;
  }
  return compare_exchange_at(address, size, expected, desired, success, failure, weak, __builtin_return_address(0));
}

}  // namespace model
