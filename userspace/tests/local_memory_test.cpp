/* SPDX-License-Identifier: MIT */
/*
 * No memory, in process: what is refused for want of it leaves nothing behind.
 */
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>

#include "caller.hpp"

namespace {

// Requests for memory that this thread has left before one is refused; none is if
// that is negative.
thread_local int requests_left = -1;

} // namespace

// NOLINTBEGIN(*-owning-memory,*-no-malloc): as those of the standard library
void* operator new(std::size_t size) {
    if (requests_left >= 0 && requests_left-- == 0)
        throw std::bad_alloc{};
    if (void* const memory = std::malloc(size != 0 ? size : 1))
        return memory;
    throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
// NOLINTEND(*-owning-memory,*-no-malloc)

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

// More than any call asks for.
constexpr int many_requests = 16;

/** Calls @p act, whose request for memory number @p refused is refused. */
template <typename function>
auto without_memory(int refused, function act) {
    requests_left = refused;
    const auto result = act();
    requests_left = -1;
    return result;
}

class LocalMemory : public ::testing::Test {
  protected:
    caller first_{fixedpool::testing::transport::in_process};
};

TEST_F(LocalMemory, OpensAClientOrNone) {
    std::error_code ec;
    for (int refused = 0; refused < many_requests; ++refused) {
        const bool opened =
            without_memory(refused, [&ec] { return detail::open_local(ec) != nullptr; });
        EXPECT_EQ(opened, !ec);
        // All clients that there are are looked at.
        EXPECT_EQ(end_of(start_child([] { return 0; })), 0);
    }
    EXPECT_FALSE(ec);
}

} // namespace
