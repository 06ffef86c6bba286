/* SPDX-License-Identifier: MIT */
/** @file
 * Which blocks of a pool contain an object, kept outside of them: for each the version
 * that its allocation had when the object was made, zero where there is none. So
 * what has become of the block since, behind the table's back, is seen.
 */
#ifndef FIXEDPOOL_DETAIL_OBJECT_TABLE_HPP
#define FIXEDPOOL_DETAIL_OBJECT_TABLE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fixedpool/client.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool::detail {

/** What blocks must be like to take an object. */
struct fit {
    std::size_t size;
    std::size_t alignment;

    template <typename T>
    static constexpr fit of() noexcept {
        static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T> &&
                          !std::is_volatile_v<T>,
                      "pools contain single objects that can be changed");
        static_assert(std::is_nothrow_destructible_v<T>, "nobody could catch what it throws");
        static_assert(alignof(T) <= 4096, "blocks are aligned to a page at most");
        return {.size = sizeof(T), .alignment = alignof(T)};
    }
};

/**
 * Thread safety: all but clear() from any thread, also at the same time. Of those that remove or
 * release the same object at the same instant one succeeds.
 */
class FIXEDPOOL_EXPORT object_table {
  public:
    /** Throws: pool_error: errc::not_mappable, unfit_blocks, out_of_memory. */
    object_table(pool blocks, fit wanted);
    /** A pool of its own, whose block_size and alignment default to what is wanted. */
    object_table(const client& owner, const pool_options& options, fit wanted);

    /** Null if @p ec is set. */
    static std::unique_ptr<object_table> try_make(const pool& blocks, fit wanted,
                                                  std::error_code& ec) noexcept;
    static std::unique_ptr<object_table> try_make(const client& owner, const pool_options& options,
                                                  fit wanted, std::error_code& ec) noexcept;

    [[nodiscard]] const pool& blocks() const noexcept { return pool_; }
    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

    template <typename T>
    struct created {
        handle name;
        T* object = nullptr;
        bool replaces = false; // one whose block has been freed behind the table's back
    };

    template <typename T, typename... Args>
    created<T> create(Args&&... args) {
        return create_in<T>(pool_.allocate_handle(), std::forward<Args>(args)...);
    }
    template <typename T, typename... Args>
    created<T> try_create(std::error_code& ec, Args&&... args) {
        const auto name = pool_.try_allocate_handle(ec);
        return name ? create_in<T>(name, std::forward<Args>(args)...) : created<T>{};
    }

    /** Does @p name name an object of this table? */
    [[nodiscard]] bool contains(handle name) const noexcept {
        const auto index = pool_.index_of(name);
        return index && name.version() % 2 != 0 && version_at(*index) == name.version();
    }

    /** The object that @p name names, null if none. */
    template <typename T>
    [[nodiscard]] T* get(handle name) const noexcept {
        return contains(name) ? object<T>(pool_.get(name)) : nullptr;
    }

    /** Destroys an object and gives its block back; false: it was none of this table. */
    template <typename T>
    bool remove(handle name) noexcept {
        auto* const found = get<T>(name);
        if (found == nullptr || !forget(name))
            return false;
        std::destroy_at(found);
        std::error_code ignored;
        pool_.try_free(name, ignored);
        return true;
    }

    /** Leaves an object and its block to somebody else; false: it was none of this table. */
    bool release(handle name) noexcept { return pool_.get(name) != nullptr && forget(name); }

    /**
     * Takes over an object in a block that this client holds, and nothing else in this
     * process owns. Sets the errors of pool::adopt().
     */
    template <typename T>
    created<T> adopt(handle name, std::error_code& ec) noexcept {
        const auto index = take_over(name, ec);
        if (ec)
            return {};
        const bool replaces = version_at(index) != 0;
        set_version_at(index, name.version());
        return {.name = name, .object = object<T>(address(name)), .replaces = replaces};
    }

    /** The first object from block @p index on; its block is capacity() if there is none. */
    [[nodiscard]] std::uint32_t next(std::uint32_t index) const noexcept {
        while (index < capacity_ && (version_at(index) == 0 || !name_at(index)))
            ++index;
        return index;
    }

    /** The name of the object in block @p index; empty if it has been freed meanwhile. */
    [[nodiscard]] handle name_at(std::uint32_t index) const noexcept {
        const auto name = pool_.handle_at(index);
        return name.version() == version_at(index) ? name : handle{};
    }

    /** How many objects there are. */
    [[nodiscard]] std::uint32_t count() const noexcept;

    /** Destroys all objects; returns how many. */
    template <typename T>
    std::uint32_t clear() noexcept {
        std::uint32_t destroyed = 0;
        std::array<handle, 128> ended;
        std::size_t count = 0;
        for (std::uint32_t index = 0; index < capacity_; ++index) {
            if (version_at(index) == 0)
                continue;
            const auto name = name_at(index);
            set_version_at(index, 0);
            auto* const bytes = pool_.get(name);
            if (bytes == nullptr)
                continue; // freed meanwhile, maybe by another client
            std::destroy_at(object<T>(bytes));
            ++destroyed;
            ended[count++] = name;
            if (count == ended.size())
                give_back({ended.data(), std::exchange(count, 0)});
        }
        give_back({ended.data(), count});
        return destroyed;
    }

    [[noreturn]] void refuse(std::error_code cause, const char* request, handle name) const;

  private:
    struct freeing {
        void operator()(std::uint32_t* words) const noexcept {
            std::free(words); // NOLINT(*-no-malloc, *-owning-memory): of calloc()
        }
    };

    /** Gives the block back unless an object has been made in it. */
    class unused {
      public:
        unused(const pool& from, handle name) noexcept : pool_{from}, name_{name} {}
        unused(const unused&) = delete;
        unused& operator=(const unused&) = delete;
        ~unused() {
            std::error_code ignored;
            if (name_)
                pool_.try_free(name_, ignored);
        }
        handle use() noexcept { return std::exchange(name_, {}); }

      private:
        const pool& pool_;
        handle name_;
    };

    object_table(pool blocks, fit wanted, std::error_code& ec) noexcept;
    static pool make_pool(const client& owner, const pool_options& options, fit wanted,
                          std::error_code& ec) noexcept;

    template <typename T>
    static T* object(std::byte* bytes) noexcept {
        return std::launder(reinterpret_cast<T*>(bytes));
    }

    template <typename T, typename... Args>
    created<T> create_in(handle name, Args&&... args) {
        unused block{pool_, name};
        auto* const object =
            std::construct_at(reinterpret_cast<T*>(address(name)), std::forward<Args>(args)...);
        const auto index = *pool_.index_of(name);
        const bool replaces = version_at(index) != 0;
        set_version_at(index, name.version());
        return {.name = block.use(), .object = object, .replaces = replaces};
    }

    /** Of a block that this client holds, so whatever its version is said to be. */
    [[nodiscard]] std::byte* address(handle name) const noexcept {
        return pool_.front_->address(pool_.front_->index_of(name));
    }

    [[nodiscard]] std::uint32_t version_at(std::uint32_t index) const noexcept {
        return __atomic_load_n(versions_.get() + index, __ATOMIC_RELAXED);
    }
    void set_version_at(std::uint32_t index, std::uint32_t version) noexcept {
        __atomic_store_n(versions_.get() + index, version, __ATOMIC_RELAXED);
    }
    /** True for one of those that try it with the same name. */
    bool forget(handle name) noexcept {
        const auto index = pool_.index_of(name);
        auto version = name.version();
        return index && version % 2 != 0 &&
               __atomic_compare_exchange_n(versions_.get() + *index, &version, 0U, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    std::uint32_t take_over(handle name, std::error_code& ec) const noexcept;
    void give_back(std::span<const handle> names) const noexcept;

    pool pool_;
    std::uint32_t capacity_ = 0;
    std::unique_ptr<std::uint32_t[], freeing> versions_; // zero pages until they are used
};

} // namespace fixedpool::detail

#endif
