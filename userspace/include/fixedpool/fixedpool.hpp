/* SPDX-License-Identifier: MIT */
/** @file
 * All of libfixedpool: pools of equal blocks that processes and drivers share.
 *
 *     client -> pool -> block -> handle -> (other process) -> pool::adopt() -> block
 *                       block -> channel -> (other process) -> block
 */
#ifndef FIXEDPOOL_FIXEDPOOL_HPP
#define FIXEDPOOL_FIXEDPOOL_HPP

#include <fixedpool/allocator.hpp>
#include <fixedpool/arena.hpp>
#include <fixedpool/block.hpp>
#include <fixedpool/buddy_resource.hpp>
#include <fixedpool/channel.hpp>
#include <fixedpool/client.hpp>
#include <fixedpool/deadline.hpp>
#include <fixedpool/error.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/handle_to.hpp>
#include <fixedpool/hashed_resource.hpp>
#include <fixedpool/leak.hpp>
#include <fixedpool/memory_resource.hpp>
#include <fixedpool/node_size.hpp>
#include <fixedpool/object_pool.hpp>
#include <fixedpool/pool.hpp>
#include <fixedpool/pool_set.hpp>
#include <fixedpool/scope.hpp>
#include <fixedpool/shared_block.hpp>
#include <fixedpool/slab.hpp>
#include <fixedpool/typed_arena.hpp>
#include <fixedpool/watch.hpp>

#endif
