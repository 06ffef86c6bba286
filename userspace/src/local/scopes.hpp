/* SPDX-License-Identifier: MIT */
/** @file
 * The scopes of a client: a tree of numbers. What a scope holds stands in the
 * attachments. The root has number 0 and is not stored.
 */
#ifndef FIXEDPOOL_SRC_LOCAL_SCOPES_HPP
#define FIXEDPOOL_SRC_LOCAL_SCOPES_HPP

#include <cstdint>
#include <map>

namespace fixedpool::detail::local {

/** Thread safety: none; under the client's lock. */
class scopes {
  public:
    /**
     * Returns: 0, having set @p number; ESTALE if the parent is not there; EMFILE
     * or EMLINK if there would be too many or too deep ones.
     * Throws: std::bad_alloc.
     */
    [[nodiscard]] int create(std::uint32_t parent, std::uint32_t& number);

    [[nodiscard]] bool open(std::uint32_t number) const noexcept {
        return parents_.contains(number);
    }

    /** Requires: open. */
    [[nodiscard]] std::uint32_t parent(std::uint32_t number) const noexcept {
        return parents_.find(number)->second;
    }

    /** Calls @p act with the scope and all below it; all there are for the root. */
    template <typename function>
    void for_each_of_tree(std::uint32_t top, function act) const noexcept {
        for (const auto& [each, parent] : parents_)
            if (below(each, top))
                act(each);
    }

    /** Ends a scope; those right below it belong to its parent then. */
    void remove(std::uint32_t number) noexcept;
    /** Ends the scope and all below it; all there are for the root, which does not end. */
    void remove_tree(std::uint32_t top) noexcept;

  private:
    [[nodiscard]] bool below(std::uint32_t number, std::uint32_t above) const noexcept;

    std::map<std::uint32_t, std::uint32_t> parents_; // by number
    std::uint32_t last_ = 0;                         // number that was given out
};

} // namespace fixedpool::detail::local

#endif
