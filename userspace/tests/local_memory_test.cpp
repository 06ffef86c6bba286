/* SPDX-License-Identifier: MIT */
/*
 * No memory, in process: what is refused for want of it leaves nothing behind.
 */
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>
#include <vector>

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

// As sorting asks for it.
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
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
    caller second_{fixedpool::testing::transport::in_process};
    const std::string name_ = unique_name();
    const std::uint32_t pool_ = first_.create(name_, 200);
    const std::uint32_t same_ = second_.attach(name_);
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

TEST_F(LocalMemory, MakesASetOrNone) {
    const std::string name(FIXEDPOOL_NAME_SIZE - 1, 's'); // too long to need no memory
    const std::vector<std::uint32_t> pools{pool_};
    const std::vector<std::uint32_t> none;
    for (int refused = 0; refused < many_requests; ++refused) {
        const auto set = without_memory(refused, [&] { return first_.create_set(name, pools); });
        if (first_.why() != errc::out_of_memory) {
            EXPECT_TRUE(first_.destroy_set("", set));
        }
        second_.create_set(name, none);
        EXPECT_EQ(second_.why(), errc::no_such_set) << refused;
    }
    const auto set = first_.create_set(name, pools);
    for (int refused = 0; refused < many_requests; ++refused) {
        without_memory(refused, [&] { return second_.create_set(name, none); });
        if (second_.why() != errc::out_of_memory) {
            EXPECT_TRUE(second_.destroy_set("", set));
        }
    }
    EXPECT_FALSE(second_.why());
    EXPECT_TRUE(first_.destroy_set("", set));
    second_.create_set(name, none);
    EXPECT_EQ(second_.why(), errc::no_such_set);
}

TEST_F(LocalMemory, IsNotNeededToReleaseScopes) {
    const auto outer = first_.create_scope();
    const auto inner = first_.create_scope(outer);
    const auto innermost = first_.create_scope(inner);
    const auto other = first_.create_scope();
    for (const auto each : {outer, inner, innermost, other})
        first_.alloc(pool_, 3, each);
    EXPECT_EQ(without_memory(0, [&] { return first_.release(outer); }), 9U);
    first_.create_scope(innermost);
    EXPECT_EQ(first_.why(), errc::scope_ended);
    EXPECT_EQ(without_memory(0, [&] { return first_.release(0); }), 3U);
    EXPECT_EQ(first_.in_use(pool_), 0U);
    first_.create_scope(other);
    EXPECT_EQ(first_.why(), errc::scope_ended);
}

TEST_F(LocalMemory, LeavesInAScopeWhatCannotBeMoved) {
    const auto large = first_.create(unique_name(), 100'000);
    for (int refused = 0; refused < many_requests; ++refused) {
        const auto outer = first_.create_scope();
        const auto inner = first_.create_scope(outer);
        first_.alloc(pool_, 5, inner);
        for (int i = 0; i < 20; ++i)
            first_.alloc(large, FIXEDPOOL_MAX_BATCH, inner);
        const auto held = first_.in_use(large) + 5;
        auto moved = without_memory(
            refused, [&] { return first_.release(inner, FIXEDPOOL_SCOPE_DISSOLVE); });
        if (first_.why() == errc::out_of_memory)
            moved += first_.release(inner, FIXEDPOOL_SCOPE_DISSOLVE);
        EXPECT_FALSE(first_.why());
        EXPECT_EQ(moved, held);
        EXPECT_EQ(first_.release(outer), held);
    }
}

} // namespace
