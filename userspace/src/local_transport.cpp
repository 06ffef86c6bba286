/* SPDX-License-Identifier: MIT */
/*
 * The transport in process: hands calls to the engine in local/, and says what comes
 * back as codes of the library.
 */
#include <cerrno>
#include <new>
#include <utility>

#include <fixedpool/error.hpp>

#include "errno_code.hpp"
#include "local/calls.hpp"
#include "local/channel.hpp"
#include "local/registry.hpp"
#include "transport.hpp"

namespace fixedpool::detail {
namespace {

using local::registry;

static_assert(sizeof(handle) == sizeof(std::uint64_t));

class local_channel_end final : public channel_end {
  public:
    explicit local_channel_end(std::unique_ptr<local::end_of_channel> end) noexcept
        : end_{std::move(end)} {}

    std::size_t send(std::span<const handle> handles, std::error_code& ec) noexcept override {
        std::size_t moved = 0;
        const int error = end_->send(
            {reinterpret_cast<const std::uint64_t*>(handles.data()), handles.size()}, moved);
        ec = error != 0 ? errno_code(operation::send, error) : std::error_code{};
        return moved;
    }

    std::size_t receive(std::span<handle> handles, std::error_code& ec) noexcept override {
        std::size_t moved = 0;
        const int error = end_->receive(
            {reinterpret_cast<std::uint64_t*>(handles.data()), handles.size()}, moved);
        ec = error != 0 ? errno_code(operation::receive, error) : std::error_code{};
        return moved;
    }

    int descriptor() noexcept override { return end_->descriptor(); }

  private:
    std::unique_ptr<local::end_of_channel> end_;
};

class local_transport final : public transport {
  public:
    local_transport() : client_{registry::instance().open_client()} {}
    local_transport(const local_transport&) = delete;
    local_transport& operator=(const local_transport&) = delete;
    ~local_transport() override { registry::instance().close_client(*client_); }

    std::error_code call(fixedpool_query& request) noexcept override {
        return carry_out(operation::query, request);
    }
    std::error_code call(fixedpool_pool_create& request) noexcept override {
        return carry_out(operation::create, request);
    }
    std::error_code call(fixedpool_pool_attach& request) noexcept override {
        return carry_out(operation::attach, request);
    }
    std::error_code call(fixedpool_pool_detach& request) noexcept override {
        return carry_out(operation::detach, request);
    }
    std::error_code call(fixedpool_pool_destroy& request) noexcept override {
        return carry_out(operation::destroy, request);
    }
    std::error_code call(fixedpool_pool_info& request) noexcept override {
        return carry_out(operation::info, request);
    }
    std::error_code call(fixedpool_alloc& request) noexcept override {
        return carry_out(operation_of(request), request);
    }
    std::error_code call(fixedpool_free& request) noexcept override {
        return carry_out(operation::free, request);
    }
    std::error_code call(fixedpool_check& request) noexcept override {
        return carry_out(operation::check, request);
    }
    std::error_code call(fixedpool_read& request) noexcept override {
        return carry_out(operation::read, request);
    }
    std::error_code call(fixedpool_write& request) noexcept override {
        return carry_out(operation::write, request);
    }
    std::error_code call(fixedpool_give& request) noexcept override {
        return carry_out(operation::give, request);
    }
    std::error_code call(fixedpool_share& request) noexcept override {
        return carry_out(operation::share, request);
    }
    std::error_code call(fixedpool_scope_create& request) noexcept override {
        return carry_out(operation::create_scope, request);
    }
    std::error_code call(fixedpool_scope_release& request) noexcept override {
        return carry_out(operation::release_scope, request);
    }
    std::error_code call(fixedpool_set_create& request) noexcept override {
        return carry_out(operation::create_set, request);
    }
    std::error_code call(fixedpool_set_destroy& request) noexcept override {
        return carry_out(operation::destroy_set, request);
    }
    std::error_code call(fixedpool_watch& request) noexcept override {
        return carry_out(operation::watch, request);
    }
    std::error_code call(fixedpool_cache_fill& request) noexcept override {
        return carry_out(operation::fill, request);
    }
    std::error_code call(fixedpool_cache_drain& request) noexcept override {
        return carry_out(operation::drain, request);
    }

    std::unique_ptr<channel_end> open(const fixedpool_channel_create& request,
                                      std::error_code& ec) noexcept override {
        return end_of(operation::create_channel, ec,
                      [&](int& error) { return local::create_channel(client_, request, error); });
    }
    std::unique_ptr<channel_end> open(const fixedpool_channel_open& request,
                                      std::error_code& ec) noexcept override {
        return end_of(operation::open_channel, ec,
                      [&](int& error) { return local::open_channel(client_, request, error); });
    }

    [[nodiscard]] bool survives_fork() const noexcept override { return false; }

    mapping map(std::uint64_t offset, std::uint64_t length, access wanted,
                std::error_code& ec) noexcept override {
        mapping mapped;
        ec = answer(operation::map, [&] {
            return local::map(
                *client_,
                {.offset = offset, .length = length, .writable = wanted == access::read_write},
                mapped);
        });
        return mapped;
    }

    [[nodiscard]] bool keep_books(std::uint32_t pool, std::byte* begin,
                                  unsigned bits) noexcept override {
        return local::keep_books(*client_, pool, begin, bits);
    }
    void end_books(std::uint32_t pool, const std::byte* begin) noexcept override {
        local::end_books(*client_, pool, begin);
    }

  private:
    /** Errors of the engine, and want of memory, as codes. */
    template <typename function>
    static std::error_code answer(operation during, function call) noexcept {
        int error = 0;
        try {
            error = call();
        } catch (const std::bad_alloc&) {
            error = ENOMEM;
        }
        return error != 0 ? errno_code(during, error) : std::error_code{};
    }

    template <typename request_type>
    std::error_code carry_out(operation during, request_type& request) noexcept {
        return answer(during, [&] { return local::carry_out(*client_, request); });
    }

    template <typename function>
    static std::unique_ptr<channel_end> end_of(operation during, std::error_code& ec,
                                               function open) noexcept {
        std::unique_ptr<channel_end> opened;
        ec = answer(during, [&] {
            int error = 0;
            auto end = open(error);
            if (end)
                opened = std::make_unique<local_channel_end>(std::move(end));
            return error;
        });
        return opened;
    }

    const std::shared_ptr<local::client> client_;
};

} // namespace

std::unique_ptr<transport> open_local(std::error_code& ec) noexcept {
    try {
        ec.clear();
        return std::make_unique<local_transport>();
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

} // namespace fixedpool::detail
