/* SPDX-License-Identifier: MIT */
/** @file
 * A resource upstream that counts, and can run out.
 */
#ifndef FIXEDPOOL_TESTS_UPSTREAM_HPP
#define FIXEDPOOL_TESTS_UPSTREAM_HPP

#include <cstddef>
#include <memory_resource>
#include <new>

namespace fixedpool::testing {

class counting_resource : public std::pmr::memory_resource {
  public:
    [[nodiscard]] std::size_t live() const { return live_; }
    [[nodiscard]] std::size_t calls() const { return calls_; }
    void run_out() { empty_ = true; }

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (empty_)
            throw std::bad_alloc{};
        ++calls_;
        auto* const memory = std::pmr::new_delete_resource()->allocate(bytes, alignment);
        live_ += bytes;
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        live_ -= bytes;
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::size_t live_ = 0;
    std::size_t calls_ = 0;
    bool empty_ = false;
};

} // namespace fixedpool::testing

#endif
