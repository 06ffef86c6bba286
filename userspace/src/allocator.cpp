/* SPDX-License-Identifier: MIT */
#include <fixedpool/allocator.hpp>

#include <string>

#include "upstream.hpp"

namespace fixedpool::detail {
namespace {

std::string quoted(const pool& asked) { return '\'' + std::string{asked.name()} + '\''; }

} // namespace

node_source::node_source(pool blocks, std::pmr::memory_resource* upstream)
    : pool_{std::move(blocks)},
      upstream_{upstream} {
    if (!pool_)
        throw pool_error{errc::invalid_argument, "allocate from no pool", {}};
    if (!pool_.mappable())
        throw pool_error{errc::not_mappable, "allocate bytes from pool " + quoted(pool_),
                         pool_.name()};
}

bool node_source::fits(std::size_t size, std::size_t alignment) const noexcept {
    return size <= pool_.block_size() && pool_.alignment() % alignment == 0;
}

void* node_source::take_upstream(std::size_t size, std::size_t alignment) const {
    if (upstream_ == nullptr)
        throw bad_alloc{
            pool_error{errc::no_upstream,
                       "allocate " + std::to_string(size) + " bytes beside pool " + quoted(pool_),
                       pool_.name()}};
    return upstream_->allocate(size, alignment);
}

void* node_source::try_take_upstream(std::size_t size, std::size_t alignment,
                                     std::error_code& ec) const noexcept {
    if (upstream_ != nullptr)
        return try_take(*upstream_, size, alignment, ec);
    ec = errc::no_upstream;
    return nullptr;
}

void node_source::give_upstream(void* memory, std::size_t size, std::size_t alignment) const {
    if (upstream_ == nullptr || pool_.contains(memory))
        throw handle_error{errc::not_a_block,
                           "deallocate " + std::to_string(size) + " bytes beside pool " +
                               quoted(pool_),
                           pool_.handle_of(memory)};
    upstream_->deallocate(memory, size, alignment);
}

} // namespace fixedpool::detail
