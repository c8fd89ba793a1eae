// spool/detail/platform/process_wide.hpp · of the model: there is one image only, and no loader to ask
// SPDX-License-Identifier: MIT
#pragma once

#include <spool/detail/config.hpp>

#define SPOOL_OF_THIS_IMAGE

namespace spool::inline SPOOL_ABI::detail {

template <class T>
class process_wide {
public:
  static T& get() noexcept { return own_; }

private:
  static inline constinit T own_{};
};

}  // namespace spool::inline SPOOL_ABI::detail
