/* SPDX-License-Identifier: MIT */
#include "holding.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "registry.hpp"

namespace fixedpool::detail::local {
namespace {

constexpr int not_here = ENODATA; // the bit is in another bitmap, or nowhere

/** Why a handle is refused by a client that does not hold its block. */
int not_held(const holding& refused) noexcept {
    const int error = refused.att->pool().check(refused.index, refused.version);
    return error != 0 ? error : EPERM;
}

/**
 * Takes the hold out of the root's bitmap: from then on it is the caller's.
 *
 * The version is compared twice. Before, so that a stale handle touches nothing.
 * And after, since another thread of the client may have freed this very handle
 * and been given the same block again in between: then the hold is of the new
 * allocation, and goes back where it was.
 */
int take_from_root(const holding& taken) noexcept {
    auto& pool = taken.att->pool();
    auto& word = taken.att->root(taken.index / word_blocks);
    const auto bit = bit_of(taken.index);

    if ((word.load(std::memory_order_acquire) & bit) == 0)
        return not_here;
    int error = pool.check(taken.index, taken.version);
    if (error != 0)
        return error;
    if ((word.fetch_and(~bit, std::memory_order_acq_rel) & bit) == 0)
        return not_here;
    error = pool.check(taken.index, taken.version);
    // If somebody has shared the block with the client meanwhile, the bit stands
    // for that hold, and ours is one too many.
    if (error != 0 && (word.fetch_or(bit, std::memory_order_acq_rel) & bit) != 0)
        pool.drop(taken.index, holder::client);
    return error;
}

/**
 * The same where the block may be in a scope. Under the lock no block is on its
 * way from a scope to its parent, but it may have been before: so look again.
 */
int take_from_anywhere(const holding& taken) noexcept {
    const std::scoped_lock lock{taken.att->lock()};
    int error = take_from_root(taken);
    if (error != not_here)
        return error;
    auto* const word = taken.att->find(taken.index);
    if (word == nullptr || (*word & bit_of(taken.index)) == 0)
        return not_here;
    error = taken.att->pool().check(taken.index, taken.version);
    if (error == 0)
        *word &= ~bit_of(taken.index);
    return error;
}

/** Handles in a row that name neighbours of one group, none of them twice. */
struct run {
    std::uint64_t mask = 0;
    std::size_t count = 0;
};

/** Those at the head of @p handles that are held in the root scope and not stale. */
run find_run(const holding& first, std::span<const std::uint64_t> handles) noexcept {
    const auto& pool = first.att->pool();
    const auto word = first.index / word_blocks;
    const auto base = pool.first_slot() + word * word_blocks;
    const auto held = first.att->root(word).load(std::memory_order_acquire);
    run found;

    for (const auto each : handles) {
        const auto bit = FIXEDPOOL_HANDLE_SLOT(each) - base;
        const auto version = FIXEDPOOL_HANDLE_VERSION(each);
        if (bit >= word_blocks || (held & ~found.mask & bit_of(bit)) == 0)
            break;
        if (version % 2 == 0 || pool.version(word * word_blocks + bit) != version)
            break;
        found.mask |= bit_of(bit);
        ++found.count;
    }
    return found;
}

/**
 * Frees a run: take_from_root() for all its blocks at once. Others may have been
 * faster with some. The run ends before the first of those then, and holds that
 * were taken behind it go back. Returns how many were freed.
 */
std::size_t free_run(const holding& first, const run& found,
                     std::span<const std::uint64_t> handles) noexcept {
    auto& pool = first.att->pool();
    const auto word = first.index / word_blocks;
    auto& root = first.att->root(word);
    const auto won = root.fetch_and(~found.mask, std::memory_order_acq_rel) & found.mask;
    std::uint64_t good = 0;
    std::size_t count = 0;

    for (; count < found.count; ++count) {
        const auto bit = FIXEDPOOL_HANDLE_SLOT(handles[count]) % word_blocks;
        if ((won & bit_of(bit)) == 0 ||
            pool.version(word * word_blocks + bit) != FIXEDPOOL_HANDLE_VERSION(handles[count]))
            break;
        good |= bit_of(bit);
    }
    if (const auto back = won & ~good; back != 0) {
        // As in take_from_root().
        const auto twice = back & root.fetch_or(back, std::memory_order_acq_rel);
        if (twice != 0)
            pool.drop(word, twice);
    }
    if (good != 0)
        pool.drop(word, good);
    return count;
}

/** Neighbours at the head of @p indices that are in the cache. */
run find_cached(const attachment& att, std::span<const std::uint32_t> indices) noexcept {
    const auto word = indices.front() / word_blocks;
    const auto held = att.root(word).load(std::memory_order_acquire);
    run found;

    for (const auto each : indices) {
        if (each / word_blocks != word || (held & ~found.mask & bit_of(each)) == 0 ||
            att.pool().version(each) % 2 != 0)
            break;
        found.mask |= bit_of(each);
        ++found.count;
    }
    return found;
}

/** Is the block of a handle the client's? Answers as take(). */
int check_held(const holding& asked, bool held) noexcept {
    return held ? asked.att->pool().check(asked.index, asked.version) : not_held(asked);
}

/** GIVE, SHARE and copies say that an allocation has ended in one way only. */
constexpr int ended(int error) noexcept { return error == EALREADY ? ESTALE : error; }

/**
 * Adds a hold of a block of the client's. Under the client's lock no release of
 * its own is at work, and under that of the pool none at all.
 */
int add_hold(const holding& held, holder kind) noexcept {
    auto& att = *held.att;
    const std::scoped_lock lock{att.lock()};
    const std::scoped_lock sharing{att.pool().sharing()};

    int error = check_held(held, att.holds_locked(held.index));
    if (error == 0)
        error = att.pool().hold(held.index, held.version, kind);
    if (error != 0 || att.holds_locked(held.index))
        return error;
    // Another thread has let go of it meanwhile.
    att.pool().drop(held.index, kind);
    return EPERM;
}

} // namespace

int holding::resolve(const client& of, std::uint64_t handle) noexcept {
    const auto slot = FIXEDPOOL_HANDLE_SLOT(handle);
    const auto unit = slot >> slot_unit_shift;

    version = FIXEDPOOL_HANDLE_VERSION(handle);
    if (version % 2 == 0)
        return EINVAL;
    if (!att || unit - att->pool().id() >= att->pool().units())
        att = of.find(unit);
    if (!att)
        return ENXIO;
    index = slot - att->pool().first_slot();
    return index < att->pool().shape().blocks ? 0 : ERANGE;
}

int holding::take() const noexcept {
    int error = take_from_root(*this);
    if (error == not_here && att->has_parts()) {
        // Before the lock: who has nothing to find need not look.
        error = att->pool().check(index, version);
        if (error == 0)
            error = take_from_anywhere(*this);
    }
    return error == not_here ? not_held(*this) : error;
}

int allocate(client& to, attachment& att, std::uint32_t scope, bool zero, std::uint32_t want,
             claim& made) noexcept {
    auto& pool = att.pool();
    made.mask = pool.claim(want, made.word, made.handles.data());
    // Before the bits are set, so that nobody can end the client's hold: a block
    // must not be somebody else's by the time it is zeroed.
    if (zero)
        for_each_block(made.word, made.mask, [&pool](std::uint32_t index) {
            std::memset(pool.block(index), 0, pool.shape().block_size);
        });
    if (scope == root_scope) {
        // Release: pairs with the clearing in take_from_root(). Who takes the bit
        // compares the version of this allocation, not of the one before.
        att.root(made.word).fetch_or(made.mask, std::memory_order_acq_rel);
        return 0;
    }
    const int error = to.put_in_scope(att, scope, made.word, made.mask);
    if (error != 0)
        pool.drop(made.word, made.mask);
    return error;
}

int free_all(const client& of, std::span<const std::uint64_t> handles,
             std::uint32_t& done) noexcept {
    holding freed;
    while (done < handles.size()) {
        const auto left = handles.subspan(done);
        int error = freed.resolve(of, left.front());
        if (error != 0)
            return error;
        if (left.size() > 1) {
            const auto found = find_run(freed, left);
            const auto count = found.count > 1 ? free_run(freed, found, left) : 0;
            if (count != 0) {
                done += static_cast<std::uint32_t>(count);
                continue;
            }
        }
        error = freed.take();
        if (error != 0)
            return error;
        freed.att->pool().drop(freed.index, holder::client);
        ++done;
    }
    return 0;
}

void accept(attachment& to, std::uint32_t index) noexcept {
    // If the client holds the block already, in whichever scope, the hold is one
    // too many.
    if (to.holds(index) ||
        (to.root(index / word_blocks).fetch_or(bit_of(index), std::memory_order_acq_rel) &
         bit_of(index)) != 0)
        to.pool().drop(index, holder::client);
}

int give(const holding& given, std::uint32_t receiver) {
    attachment_ref to;
    int error = registry::instance().find_attachment(receiver, given.att->pool(), to);
    if (error != 0)
        return error;
    if (to.get() == given.att.get())
        return ended(check_held(given, given.att->holds(given.index)));
    error = given.take();
    if (error == 0)
        accept(*to, given.index);
    return ended(error);
}

int share(const holding& shared, std::uint32_t receiver) {
    attachment_ref to;
    int error = registry::instance().find_attachment(receiver, shared.att->pool(), to);
    if (error != 0)
        return error;
    if (to->holds(shared.index)) {
        error = check_held(shared, shared.att->holds(shared.index));
    } else {
        error = add_hold(shared, holder::client);
        if (error == 0)
            accept(*to, shared.index);
    }
    return ended(error);
}

std::uint32_t state_of(const holding& asked) noexcept {
    const auto& pool = asked.att->pool();
    if (pool.check(asked.index, asked.version) != 0)
        return 0;
    std::uint32_t state = FIXEDPOOL_CHECK_ALIVE;
    if (asked.att->holds(asked.index))
        state |= FIXEDPOOL_CHECK_MINE;
    if (pool.shared(asked.index))
        state |= FIXEDPOOL_CHECK_SHARED;
    return state;
}

int borrow(const holding& lent) noexcept { return ended(add_hold(lent, holder::copy)); }

void give_back(const holding& lent) noexcept { lent.att->pool().drop(lent.index, holder::copy); }

std::uint64_t fill(attachment& to, std::uint32_t want, std::uint32_t& word) noexcept {
    const auto mask = to.pool().cache(want, word);
    // As in allocate().
    to.root(word).fetch_or(mask, std::memory_order_acq_rel);
    return mask;
}

int drain(attachment_ref from, std::span<const std::uint32_t> indices,
          std::uint32_t& done) noexcept {
    auto& pool = from->pool();
    holding drained{.att = std::move(from)};
    for (; done < indices.size(); ++done) {
        drained.index = indices[done];
        if (drained.index >= pool.shape().blocks)
            return ERANGE;
        const auto found = find_cached(*drained.att, indices.subspan(done));
        if (found.count > 1) {
            const auto word = drained.index / word_blocks;
            auto& root = drained.att->root(word);
            // What another thread took meanwhile it had a right to, and so it is
            // gone from the cache, as was asked.
            const auto won = root.fetch_and(~found.mask, std::memory_order_acq_rel) & found.mask;
            pool.drop(word, won);
            done += static_cast<std::uint32_t>(found.count) - 1;
            continue;
        }
        drained.version = pool.version(drained.index);
        if (!drained.att->holds(drained.index))
            return EPERM;
        if (drained.version % 2 != 0)
            return EADDRINUSE;
        // Should another thread be faster, it has a reason, and this is it.
        if (drained.take() != 0)
            return pool.version(drained.index) % 2 != 0 ? EADDRINUSE : EPERM;
        pool.drop(drained.index, holder::client);
    }
    return 0;
}

} // namespace fixedpool::detail::local
