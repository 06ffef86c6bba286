/* SPDX-License-Identifier: MIT */
/** @file
 * fixedpool::arena: memory that is taken piece by piece, and given back all at once.
 */
#ifndef FIXEDPOOL_ARENA_HPP
#define FIXEDPOOL_ARENA_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fixedpool/error.hpp>
#include <fixedpool/export.hpp>
#include <fixedpool/handle.hpp>
#include <fixedpool/pool.hpp>

namespace fixedpool {

/**
 * A memory resource that cuts blocks of a pool into pieces, one after the other;
 * deallocate() does nothing. Pieces go back with rewind(), which leaves those that
 * are older than a marker, and with release(). Objects and handlers that were put into the
 * arena are destroyed and called then, the youngest first.
 *
 * What does not fit into a block comes from a resource upstream, if there is one, and
 * goes back together with the rest. The first 8 bytes of each block are the arena's.
 *
 * Blocks contain addresses of this process, also of functions that the arena calls: nobody may be
 * attached to the pool, with the right to write, who is trusted less than this process. What
 * objects and handlers overrun may hit these, too.
 *
 * It keeps its pool attached; upstream must outlive it. After fork() it is the parent's: the
 * child is not to use or destroy it, so it leaves with _exit().
 *
 * Thread safety: one thread at a time; different arenas of one pool in any threads.
 */
class FIXEDPOOL_EXPORT arena final : public std::pmr::memory_resource {
    struct mark_record;

  public:
    /** A point to rewind() to. Copies are the same. */
    class marker {
      public:
        marker() noexcept = default;

      private:
        friend class arena;
        const mark_record* record_ = nullptr;
        std::uint64_t number_ = 0;
    };

    /** Rewinds the arena, in its destructor, to where it was when this was made. */
    class [[nodiscard]] frame {
      public:
        frame(const frame&) = delete;
        frame& operator=(const frame&) = delete;
        ~frame() {
            std::error_code ignored; // it is behind it already
            arena_.rewind_to(from_, rewinding::before, ignored);
        }

      private:
        friend class arena;
        frame(arena& on, marker from) noexcept : arena_{on}, from_{from} {}
        arena& arena_;
        marker from_;
    };

    /**
     * Complexity: no block is taken yet.
     * Throws: pool_error: errc::unfit_blocks if they have less than 64 bytes, or are not aligned to
     * 8; not_mappable, and invalid_argument for an empty pool.
     */
    explicit arena(pool blocks, std::pmr::memory_resource* upstream = nullptr);
    [[nodiscard]] static std::unique_ptr<arena> try_create(const pool& blocks,
                                                           std::pmr::memory_resource* upstream,
                                                           std::error_code& ec) noexcept;

    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;
    /** Effects: release(). */
    ~arena() override;

    /** The pool that the blocks are of. */
    [[nodiscard]] const pool& blocks() const noexcept { return pool_; }
    /** Where the rest comes from; null: it is refused. */
    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

    /** How many blocks it has. */
    [[nodiscard]] std::uint32_t blocks_held() const noexcept { return held_; }

    /**
     * allocate() is that of std::pmr.
     * Throws: bad_alloc: errc::out_of_blocks; no_upstream if it does not fit into a block and
     * no resource was named; invalid_argument if the alignment is no power of two. What
     * upstream throws. Nothing has changed then.
     * Complexity: constant; for each block once pool::allocate_bytes().
     */
    [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment,
                                     std::error_code& ec) noexcept;

    /**
     * Returns: a new object T(@p args...), which is destroyed when the arena is rewound behind
     * it. What it allocates itself comes of the arena only if it is told so in @p args.
     * Throws: as allocate(); what the constructor throws, and its memory goes back with
     * the next rewind. (try_new_object: the latter only.)
     */
    template <typename T, typename... Args>
    T* new_object(Args&&... args) {
        return make<T>(allocate(sizeof(place<T>), alignof(place<T>)), std::forward<Args>(args)...);
    }
    template <typename T, typename... Args>
    T* try_new_object(std::error_code& ec, Args&&... args) {
        auto* const memory = try_allocate(sizeof(place<T>), alignof(place<T>), ec);
        return memory != nullptr ? make<T>(memory, std::forward<Args>(args)...) : nullptr;
    }

    /**
     * Effects: has @p handler called when the arena is rewound behind this point. Handlers, as
     * destructors of objects, may allocate, but neither rewind nor release the arena; what
     * they throw ends the program.
     * Throws: as allocate(); what copying throws. (try_on_rewind: the latter only.)
     */
    template <typename function>
    void on_rewind(function&& handler) {
        using handler_type = std::decay_t<function>;
        static_assert(std::is_invocable_v<handler_type&>);
        new_object<calling<handler_type>>(std::forward<function>(handler));
    }
    template <typename function>
    bool try_on_rewind(std::error_code& ec, function&& handler) {
        using handler_type = std::decay_t<function>;
        static_assert(std::is_invocable_v<handler_type&>);
        return try_new_object<calling<handler_type>>(ec, std::forward<function>(handler)) !=
               nullptr;
    }

    /**
     * Returns: where the arena is. Takes 48 bytes of it.
     * Throws: as allocate().
     */
    [[nodiscard]] marker mark();
    [[nodiscard]] marker try_mark(std::error_code& ec) noexcept;

    /**
     * Effects: gives back all that is younger than @p to, which stays good.
     * Throws: error: errc::stale_marker if the arena has been rewound behind it, or
     * it is none of this arena's; nothing has changed then.
     * Complexity: linear in what goes back: objects, handlers, markers and blocks. Of a stale
     * marker: linear in all markers.
     */
    void rewind(marker to);
    bool try_rewind(marker to, std::error_code& ec) noexcept;

    /**
     * Returns: an object whose destructor gives back all that is younger than it. (try_nested: one
     * that does nothing if @p ec is set.)
     * Throws: as mark().
     */
    frame nested() { return {*this, mark()}; }
    frame try_nested(std::error_code& ec) noexcept { return {*this, try_mark(ec)}; }

    /**
     * Effects: gives all back.
     * Complexity: as rewind().
     */
    void release() noexcept;

  private:
    enum class rewinding { before, after };

    /** Something to be done, of a stack. */
    struct cleanup {
        cleanup* below;
        void (*run)(cleanup&) noexcept;
    };

    /** At the begin of a block. Names are checked before they are followed. */
    struct chunk {
        handle below;
    };

    /** What is taken next begins at @c next, in block @c top. */
    struct position {
        handle top;
        std::byte* next = nullptr;
    };

    struct mark_record {
        mark_record* older = nullptr;
        cleanup* cleanups = nullptr; // that are older
        position before;
        handle top; // where the record itself is
        std::uint64_t number = 0;
    };

    struct upstream_record;

    template <typename T>
    struct object_record : cleanup {
        alignas(T) std::byte bytes[sizeof(T)];
    };

    /** What an object takes: as large as itself where nothing is to be done for it. */
    template <typename T>
    using place = std::conditional_t<std::is_trivially_destructible_v<T>, T, object_record<T>>;

    template <typename handler_type>
    struct calling {
        explicit calling(handler_type other) : handler{std::move(other)} {}
        calling(const calling&) = delete;
        calling& operator=(const calling&) = delete;
        ~calling() { static_cast<void>(handler()); }
        handler_type handler;
    };

    template <typename T, typename... Args>
    T* make(void* memory, Args&&... args) {
        static_assert(std::is_nothrow_destructible_v<T>, "nobody could catch what it throws");
        if constexpr (std::is_trivially_destructible_v<T>) {
            return std::construct_at(static_cast<T*>(memory), std::forward<Args>(args)...);
        } else {
            auto* const record = ::new (memory) object_record<T>; // NOLINT(*-owning-memory)
            auto* const made =
                std::construct_at(reinterpret_cast<T*>(record->bytes), std::forward<Args>(args)...);
            push(*record, [](cleanup& each) noexcept {
                // NOLINTNEXTLINE(*-static-cast-downcast): it is one
                auto* const bytes = static_cast<object_record<T>&>(each).bytes;
                std::destroy_at(std::launder(reinterpret_cast<T*>(bytes)));
            });
            return made;
        }
    }

    static std::error_code suits(const pool& blocks) noexcept;

    [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void*, std::size_t, std::size_t) override {}
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    void push(cleanup& record, void (*run)(cleanup&) noexcept) noexcept {
        record.below = cleanups_;
        record.run = run;
        cleanups_ = &record;
    }
    [[nodiscard]] void* cut(std::size_t bytes, std::size_t alignment) noexcept;
    [[nodiscard]] bool fits(std::size_t bytes, std::size_t alignment) const noexcept;
    bool add_block(std::error_code& ec) noexcept;
    [[nodiscard]] void* take(std::size_t bytes, std::size_t alignment,
                             std::error_code& ec) noexcept;
    [[nodiscard]] void* take_upstream(std::size_t bytes, std::size_t alignment, void* room,
                                      position before);
    [[nodiscard]] marker put_mark(void* room, position before) noexcept;
    [[noreturn]] void refuse(std::error_code cause, std::size_t bytes, std::size_t alignment) const;
    bool rewind_to(marker to, rewinding where, std::error_code& ec) noexcept;
    void run_down_to(const cleanup* last) noexcept;
    void go_back_to(position where) noexcept;

    pool pool_;
    std::pmr::memory_resource* upstream_;
    position at_;
    std::byte* end_ = nullptr; // of at_.top
    cleanup* cleanups_ = nullptr;
    mark_record* marks_ = nullptr;
    std::uint32_t held_ = 0;
};

} // namespace fixedpool

#endif
