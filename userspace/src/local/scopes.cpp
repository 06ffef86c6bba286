/* SPDX-License-Identifier: MIT */
#include "scopes.hpp"

#include <cerrno>

#include <linux/fixedpool.h>

#include "attachment.hpp"

namespace fixedpool::detail::local {

int scopes::create(std::uint32_t parent, std::uint32_t& number) {
    if (parent != root_scope && !open(parent))
        return ESTALE;
    unsigned depth = 0; // of the parent
    for (auto up = parent; up != root_scope; up = scopes::parent(up))
        ++depth;
    if (depth == FIXEDPOOL_MAX_SCOPE_DEPTH)
        return EMLINK;
    if (parents_.size() == FIXEDPOOL_MAX_SCOPES)
        return EMFILE;
    // Round and round, so that a number that has ended stays dead long.
    do
        last_ = last_ % FIXEDPOOL_MAX_SCOPE + 1;
    while (open(last_));
    parents_.emplace(last_, parent);
    number = last_;
    return 0;
}

bool scopes::below(std::uint32_t number, std::uint32_t above) const noexcept {
    while (number != above) {
        if (number == root_scope)
            return false;
        number = parent(number);
    }
    return true;
}

void scopes::remove(std::uint32_t number) noexcept {
    const auto up = parent(number);
    for (auto& [each, parent] : parents_)
        if (parent == number)
            parent = up;
    parents_.erase(number);
}

void scopes::remove_tree(std::uint32_t top) noexcept {
    // Itself last: by it the others are found.
    for (auto next = parents_.begin(); next != parents_.end();) {
        const auto each = (next++)->first;
        if (each != top && below(each, top))
            remove(each);
    }
    if (top != root_scope)
        remove(top);
}

} // namespace fixedpool::detail::local
