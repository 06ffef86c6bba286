/* SPDX-License-Identifier: MIT */
/*
 * Bytes as a use of one of the allocators: what they give is apart, aligned and keeps
 * its contents; what was never given, or is given back twice, is refused and changes
 * nothing; containers agree with those of the standard; and in the end all blocks are back.
 */
#include <cstddef>
#include <cstdint>

#include <fixedpool/fixedpool.hpp>

#include "allocator_uses.hpp"
#include "input.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fixedpool::fuzz; // NOLINT(google-build-using-namespace)
    input in{{data, size}};
    const auto owner = fixedpool::client::open_in_process();
    counting_upstream heap;
    const auto chosen = in.below(8);
    auto* const upstream = in.once_in(2) ? &heap : nullptr;
    switch (chosen) {
    case 0:
        use_memory_resource(in, owner, upstream);
        break;
    case 1:
        use_buddy_resource(in, owner, upstream);
        break;
    case 2:
        use_hashed_resource(in, owner, upstream);
        break;
    case 3:
        use_arena(in, owner, upstream);
        break;
    case 4:
        use_typed_arena(in, owner);
        break;
    case 5:
        use_object_pool(in, owner);
        break;
    case 6:
        use_slab(in, owner);
        break;
    default:
        use_containers(in, owner, upstream);
        break;
    }
    return 0;
}
