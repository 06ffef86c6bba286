/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::object_pool: objects of one type in blocks of one pool.
 */
#ifndef FIXEDPOOL_OBJECT_POOL_HPP
#define FIXEDPOOL_OBJECT_POOL_HPP

#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include <fixedpool/client.hpp>
#include <fixedpool/detail/object_table.hpp>
#include <fixedpool/error.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/handle_to.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * Makes objects in blocks, and destroys those that are left in its destructor. It
 * keeps four bytes for each block outside of the pool; blocks have no header. Other users of
 * the pool do not disturb it.
 *
 * An object that another client is to have is first to be released: release(), then
 * pool::give() or pool::share() of its block; there adopt(). What has not been released is
 * destroyed here in the end, whoever uses it.
 *
 * An empty object_pool, default-made or moved from, has no objects, and none can be made or
 * asked for: it is to be assigned to. Owners stay good when the pool is moved.
 *
 * Requires: no owner outlives the object_pool; destructors of objects make no new ones
 * while the object_pool is destroyed. After fork() the objects are the parent's: the child is
 * to destroy none of them, nor the object_pool, so it leaves with _exit().
 *
 * Thread safety: all from any thread, also at the same time, but clear(), assignment, swapping,
 * destruction, and being moved from. Of several threads that delete or release the same object at
 * the same instant one succeeds, the others are refused.
 */
template <typename T>
class object_pool {
  public:
    /** What it makes. */
    using value_type = T;

    /**
     * Destroys the one object that it was made for. When that has gone, whatever there is in
     * the block now is left alone.
     */
    class deleter {
      public:
        deleter() noexcept = default;
        /** Effects: destroys that object, if it is there, and gives its block back. */
        void operator()(T* /*object*/) const noexcept {
            if (table_ != nullptr)
                table_->remove<T>(name_);
        }

      private:
        friend class object_pool;
        deleter(detail::object_table& table, handle name) noexcept : table_{&table}, name_{name} {}
        detail::object_table* table_ = nullptr;
        handle name_;
    };

    /**
     * The only owner of an object. release() leaves it to delete_object(). To own another
     * instead is to assign own() of that, not to reset(): the deleter goes with the object.
     */
    using pointer = std::unique_ptr<T, deleter>;

    object_pool() noexcept = default;

    /**
     * Effects: makes objects in @p blocks.
     * Throws: pool_error: errc::unfit_blocks if they are too small for T, or not
     * aligned for it; not_mappable, out_of_memory, and invalid_argument for an empty pool.
     * Complexity: not depending on the pool.
     */
    explicit object_pool(pool blocks)
        : table_{std::make_unique<detail::object_table>(std::move(blocks), detail::fit::of<T>())} {}
    static object_pool try_create(const pool& blocks, std::error_code& ec) noexcept {
        return object_pool{detail::object_table::try_make(blocks, detail::fit::of<T>(), ec)};
    }

    /**
     * Effects: makes objects in a new pool of @p owner, which goes with its last client
     * whatever @p options say. Size and alignment of blocks default to those of T; with
     * pool_options::max_blocks the pool begins small, with pool_options::blocks or 64, and grows
     * up to so many objects.
     * Throws: pool_error: as client::create(), errc::unfit_blocks and not_mappable.
     * Complexity: as client::create().
     */
    object_pool(const client& owner, const pool_options& options)
        : table_{std::make_unique<detail::object_table>(owner, options, detail::fit::of<T>())} {}
    static object_pool try_create(const client& owner, const pool_options& options,
                                  std::error_code& ec) noexcept {
        return object_pool{
            detail::object_table::try_make(owner, options, detail::fit::of<T>(), ec)};
    }

    /**
     * Effects: takes the objects of @p other, which becomes empty; those that it had before
     * are destroyed.
     */
    object_pool(object_pool&& other) noexcept = default;
    object_pool& operator=(object_pool&& other) noexcept {
        object_pool{std::move(other)}.swap(*this);
        return *this;
    }
    object_pool(const object_pool&) = delete;
    object_pool& operator=(const object_pool&) = delete;

    /** Effects: clear(), if not empty. */
    ~object_pool() {
        if (table_)
            table_->template clear<T>();
    }

    /** Effects: exchanges what the two have. */
    void swap(object_pool& other) noexcept { table_.swap(other.table_); }
    friend void swap(object_pool& a, object_pool& b) noexcept { a.swap(b); }

    /** Whether it is not empty. */
    [[nodiscard]] explicit operator bool() const noexcept { return table_ != nullptr; }

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return table_->blocks(); }

    /**
     * Returns: the owner of a new object T(@p args...).
     * Throws: pool_error: errc::out_of_blocks; what the constructor throws, and
     * nothing has changed. (try_construct: the latter only.)
     * Complexity: as pool::allocate().
     */
    template <typename... Args>
    [[nodiscard]] pointer construct(Args&&... args) {
        return owning(table_->template create<T>(std::forward<Args>(args)...));
    }
    template <typename... Args>
    [[nodiscard]] pointer try_construct(std::error_code& ec, Args&&... args) {
        return owning(table_->template try_create<T>(ec, std::forward<Args>(args)...));
    }

    /** The same without an owner: delete_object() it, own() it, or leave it to the end. */
    template <typename... Args>
    [[nodiscard]] T* new_object(Args&&... args) {
        return table_->template create<T>(std::forward<Args>(args)...).object;
    }
    template <typename... Args>
    [[nodiscard]] T* try_new_object(std::error_code& ec, Args&&... args) {
        return table_->template try_create<T>(ec, std::forward<Args>(args)...).object;
    }

    /** An owner for an object of this pool that has none. */
    [[nodiscard]] pointer own(T* object) noexcept {
        return {object, deleter{*table_, handle_of(object)}};
    }

    /**
     * Effects: destroys an object and gives its block back.
     * Throws: handle_error: errc::not_a_block if @p object is no object of this pool, or
     * not any more; nothing is touched then.
     * Complexity: as pool::free().
     */
    void delete_object(T* object) {
        const auto name = table_->blocks().handle_of(object);
        if (!table_->template remove<T>(name))
            table_->refuse(errc::not_a_block, "delete object", name);
    }
    bool try_delete_object(T* object, std::error_code& ec) noexcept {
        ec.clear();
        if (!table_->template remove<T>(table_->blocks().handle_of(object)))
            ec = errc::not_a_block;
        return !ec;
    }

    /**
     * Effects: @p object is none of this pool any more; neither is it destroyed nor does its
     * block go back. An owner that it has does nothing from now on.
     * Returns: its name, for giving it to another client, and for adopt().
     * Throws: as delete_object().
     * Complexity: constant, no system call.
     */
    handle_to<T> release(T* object) {
        const auto name = table_->blocks().handle_of(object);
        if (!table_->release(name))
            table_->refuse(errc::not_a_block, "release object", name);
        return handle_to<T>{name};
    }
    handle_to<T> try_release(T* object, std::error_code& ec) noexcept {
        const auto name = table_->blocks().handle_of(object);
        ec.clear();
        if (!table_->release(name))
            ec = errc::not_a_block;
        return ec ? handle_to<T>{} : handle_to<T>{name};
    }

    /**
     * Effects: takes over an object that somebody has released: another client, who has
     * given or shared its block, or this one. What is an object of this pool already stays one.
     * Returns: the object, which has no owner yet.
     * Requires: there is a T; nothing else in this process owns the block.
     * Throws: handle_error: as pool::adopt().
     * Complexity: one system call.
     */
    T* adopt(handle_to<T> name) {
        std::error_code ec;
        auto* const object = try_adopt(name, ec);
        if (ec)
            table_->refuse(ec, "adopt object", name.untyped());
        return object;
    }
    T* try_adopt(handle_to<T> name, std::error_code& ec) noexcept {
        return table_->template adopt<T>(name.untyped(), ec).object;
    }

    /** Is there an object of this pool, alive, at @p object? */
    [[nodiscard]] bool owns(const T* object) const noexcept {
        return table_->contains(table_->blocks().handle_of(object));
    }

    /** The name of the block of an object; empty if it is none of this pool. */
    [[nodiscard]] handle handle_of(const T* object) const noexcept {
        const auto name = table_->blocks().handle_of(object);
        return table_->contains(name) ? name : handle{};
    }

    /**
     * Returns: how many objects there are; while other threads make and delete some, about.
     * Complexity: linear in the capacity of the pool, four bytes each, and in the objects.
     */
    [[nodiscard]] std::uint32_t size() const noexcept { return table_ ? table_->count() : 0; }

    /**
     * Effects: destroys all objects, in no particular order. Owners that are left do
     * nothing from now on.
     * Returns: how many.
     * Complexity: linear in the capacity of the pool, four bytes each, and in the objects.
     */
    std::uint32_t clear() noexcept { return table_ ? table_->template clear<T>() : 0; }

  private:
    explicit object_pool(std::unique_ptr<detail::object_table> table) noexcept
        : table_{std::move(table)} {}

    [[nodiscard]] pointer owning(const detail::object_table::created<T>& made) noexcept {
        return {made.object, deleter{*table_, made.name}};
    }

    std::unique_ptr<detail::object_table> table_;
};

} // namespace fixedpool

#endif
