// spool/spool.hpp · everything, in floor order: the map of the library
// SPDX-License-Identifier: MIT
#pragma once

// floor 6 · pool
#include <spool/thread_pool.hpp>

// floor 5 · gatherers
#include <spool/coroutine.hpp>
#include <spool/pool_options.hpp>
#include <spool/wait.hpp>

// floor 4 · results and engines
#include <spool/future.hpp>
#include <spool/timer.hpp>

// floor 3 · carriers
#include <spool/barrier.hpp>
#include <spool/queue.hpp>
#include <spool/thread.hpp>

// floor 2 · waits
#include <spool/condition.hpp>
#include <spool/recursive_mutex.hpp>

// floor 1 · words
#include <spool/event.hpp>
#include <spool/mutex.hpp>
#include <spool/semaphore.hpp>

// floor 0 · ground
#include <spool/errors.hpp>
#include <spool/excepthook.hpp>
#include <spool/thread_info.hpp>
#include <spool/version.hpp>
