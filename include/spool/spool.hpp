// spool/spool.hpp · everything, in floor order: the map of the library
// SPDX-License-Identifier: MIT
#pragma once

// floor 0 · ground
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/thread_info.hpp>
#include <spool/version.hpp>
