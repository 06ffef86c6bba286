/* SPDX-License-Identifier: MIT */
/** @file
 * Zeroed memory of the process alone that comes page by page as it is touched.
 */
#ifndef FIXEDPOOL_SRC_PAGES_HPP
#define FIXEDPOOL_SRC_PAGES_HPP

#include <cstddef>
#include <new>

#include <sys/mman.h>

namespace fixedpool::detail {

class pages {
  public:
    /** Throws: std::bad_alloc. Not from malloc(): that may be built on pools. */
    explicit pages(std::size_t bytes)
        : bytes_{bytes != 0 ? bytes : 1},
          begin_{::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)} {
        if (begin_ == MAP_FAILED)
            throw std::bad_alloc{};
    }
    pages(const pages&) = delete;
    pages& operator=(const pages&) = delete;
    ~pages() { ::munmap(begin_, bytes_); }

    [[nodiscard]] void* begin() const noexcept { return begin_; }

  private:
    std::size_t bytes_;
    void* begin_;
};

} // namespace fixedpool::detail

#endif
