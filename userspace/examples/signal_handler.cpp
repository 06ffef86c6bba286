/* SPDX-License-Identifier: MIT */
/*
 * Blocks for a signal handler, which may not call malloc(): it takes one, writes what it has to
 * tell, and leaves the handle to the program. It may interrupt the very call by
 * which the program takes or frees a block.
 */
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <fixedpool/fixedpool.hpp>

namespace {

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): a handler has nothing else
const fixedpool::pool* events = nullptr;
std::atomic<std::uint64_t> last_event = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

void note(int number) {
    std::error_code ec;
    const auto block = events->try_allocate_handle(ec);
    if (!block)
        return; // none is free: the event is not noted, and nothing breaks
    std::memcpy(events->get(block), &number, sizeof(number));
    // The one before, if nobody has fetched it.
    const auto missed = fixedpool::handle::from_value(last_event.exchange(block.value()));
    if (missed)
        events->try_free(missed, ec);
}

} // namespace

int main() {
    try {
        const auto client = fixedpool::client::open_in_process();
        const auto pool = client.create(
            {.name = "events", .block_size = 64, .blocks = 1024, .auto_destroy = true});
        struct sigaction action = {};
        action.sa_handler = note;
        if (::sigaction(SIGUSR1, &action, nullptr) != 0)
            return EXIT_FAILURE;
        events = &pool;

        constexpr int rounds = 10'000;
        int seen = 0;
        for (int i = 0; i < rounds; ++i) {
            const auto work = pool.allocate();
            std::raise(SIGUSR1);
            const auto event = fixedpool::handle::from_value(last_event.exchange(0));
            if (event && *reinterpret_cast<const int*>(pool.get(event)) == SIGUSR1)
                ++seen;
            if (event)
                pool.free(event);
        }
        ::signal(SIGUSR1, SIG_IGN); // before the pool goes
        events = nullptr;
        std::cout << seen << " of " << rounds << " signals noted, " << pool.usage().in_use
                  << " blocks in use\n";
        return seen == rounds && pool.usage().in_use == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const fixedpool::error& refused) {
        std::cerr << "signal_handler: " << refused.what() << '\n';
        return EXIT_FAILURE;
    }
}
