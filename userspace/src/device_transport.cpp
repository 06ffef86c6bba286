/* SPDX-License-Identifier: MIT */
#include "transport.hpp"

#include <cerrno>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fixedpool/error.hpp>

#include "errno_code.hpp"

namespace fixedpool::detail {
namespace {

static_assert(sizeof(off_t) == sizeof(std::uint64_t), "mmap offsets take 64 bits");

class unique_descriptor {
  public:
    explicit unique_descriptor(int number) noexcept : number_{number} {}
    unique_descriptor(unique_descriptor&& other) noexcept
        : number_{std::exchange(other.number_, -1)} {}
    unique_descriptor& operator=(unique_descriptor&&) = delete;
    unique_descriptor(const unique_descriptor&) = delete;
    unique_descriptor& operator=(const unique_descriptor&) = delete;
    ~unique_descriptor() {
        if (number_ >= 0)
            ::close(number_);
    }

    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

class device_channel_end final : public channel_end {
  public:
    explicit device_channel_end(unique_descriptor end) noexcept : end_{std::move(end)} {}

    std::size_t send(std::span<const handle> handles, std::error_code& ec) noexcept override {
        return moved(operation::send, ::write(end_.number(), handles.data(), handles.size_bytes()),
                     ec);
    }

    std::size_t receive(std::span<handle> handles, std::error_code& ec) noexcept override {
        return moved(operation::receive,
                     ::read(end_.number(), handles.data(), handles.size_bytes()), ec);
    }

    int descriptor() noexcept override { return end_.number(); }

  private:
    static std::size_t moved(operation during, ssize_t bytes, std::error_code& ec) noexcept {
        if (bytes < 0) {
            ec = errno_code(during, errno);
            return 0;
        }
        ec.clear();
        return static_cast<std::size_t>(bytes) / sizeof(handle);
    }

    unique_descriptor end_;
};

class device_transport final : public transport {
  public:
    explicit device_transport(unique_descriptor device) noexcept : device_{std::move(device)} {}

    std::error_code call(fixedpool_query& request) noexcept override {
        return control<FIXEDPOOL_IOC_QUERY>(operation::query, request);
    }
    std::error_code call(fixedpool_pool_create& request) noexcept override {
        return control<FIXEDPOOL_IOC_POOL_CREATE>(operation::create, request);
    }
    std::error_code call(fixedpool_pool_attach& request) noexcept override {
        return control<FIXEDPOOL_IOC_POOL_ATTACH>(operation::attach, request);
    }
    std::error_code call(fixedpool_pool_detach& request) noexcept override {
        return control<FIXEDPOOL_IOC_POOL_DETACH>(operation::detach, request);
    }
    std::error_code call(fixedpool_pool_destroy& request) noexcept override {
        return control<FIXEDPOOL_IOC_POOL_DESTROY>(operation::destroy, request);
    }
    std::error_code call(fixedpool_pool_info& request) noexcept override {
        return control<FIXEDPOOL_IOC_POOL_INFO>(operation::info, request);
    }
    std::error_code call(fixedpool_alloc& request) noexcept override {
        return control<FIXEDPOOL_IOC_ALLOC>(operation_of(request), request);
    }
    std::error_code call(fixedpool_free& request) noexcept override {
        return control<FIXEDPOOL_IOC_FREE>(operation::free, request);
    }
    std::error_code call(fixedpool_check& request) noexcept override {
        return control<FIXEDPOOL_IOC_CHECK>(operation::check, request);
    }
    std::error_code call(fixedpool_read& request) noexcept override {
        return control<FIXEDPOOL_IOC_READ>(operation::read, request);
    }
    std::error_code call(fixedpool_write& request) noexcept override {
        return control<FIXEDPOOL_IOC_WRITE>(operation::write, request);
    }
    std::error_code call(fixedpool_give& request) noexcept override {
        return control<FIXEDPOOL_IOC_GIVE>(operation::give, request);
    }
    std::error_code call(fixedpool_share& request) noexcept override {
        return control<FIXEDPOOL_IOC_SHARE>(operation::share, request);
    }
    std::error_code call(fixedpool_scope_create& request) noexcept override {
        return control<FIXEDPOOL_IOC_SCOPE_CREATE>(operation::create_scope, request);
    }
    std::error_code call(fixedpool_scope_release& request) noexcept override {
        return control<FIXEDPOOL_IOC_SCOPE_RELEASE>(operation::release_scope, request);
    }
    std::error_code call(fixedpool_set_create& request) noexcept override {
        return control<FIXEDPOOL_IOC_SET_CREATE>(operation::create_set, request);
    }
    std::error_code call(fixedpool_set_destroy& request) noexcept override {
        return control<FIXEDPOOL_IOC_SET_DESTROY>(operation::destroy_set, request);
    }
    std::error_code call(fixedpool_watch& request) noexcept override {
        return control<FIXEDPOOL_IOC_WATCH>(operation::watch, request);
    }
    std::error_code call(fixedpool_cache_fill& request) noexcept override {
        return control<FIXEDPOOL_IOC_CACHE_FILL>(operation::fill, request);
    }
    std::error_code call(fixedpool_cache_drain& request) noexcept override {
        return control<FIXEDPOOL_IOC_CACHE_DRAIN>(operation::drain, request);
    }

    std::unique_ptr<channel_end> open(const fixedpool_channel_create& request,
                                      std::error_code& ec) noexcept override {
        return end_of<FIXEDPOOL_IOC_CHANNEL_CREATE>(operation::create_channel, request, ec);
    }
    std::unique_ptr<channel_end> open(const fixedpool_channel_open& request,
                                      std::error_code& ec) noexcept override {
        return end_of<FIXEDPOOL_IOC_CHANNEL_OPEN>(operation::open_channel, request, ec);
    }

    [[nodiscard]] bool survives_fork() const noexcept override { return true; }

    mapping map(std::uint64_t offset, std::uint64_t length, access wanted,
                std::error_code& ec) noexcept override {
        if (length > std::numeric_limits<std::size_t>::max()) {
            ec = errno_code(operation::map, ENOMEM);
            return {};
        }
        const auto bytes = static_cast<std::size_t>(length);
        const int protection = wanted == access::read ? PROT_READ : PROT_READ | PROT_WRITE;
        void* begin = ::mmap(nullptr, bytes, protection, MAP_SHARED, device_.number(),
                             static_cast<off_t>(offset));
        if (begin == MAP_FAILED) {
            ec = errno_code(operation::map, errno);
            return {};
        }
        try {
            ec.clear();
            return {static_cast<std::byte*>(begin),
                    [bytes](std::byte* mapped) noexcept { ::munmap(mapped, bytes); }};
        } catch (const std::bad_alloc&) { // and unmapped
            ec = errc::out_of_memory;
            return {};
        }
    }

  private:
    template <unsigned long command, typename request_type>
    std::error_code control(operation during, request_type& request) noexcept {
        static_assert(_IOC_SIZE(command) == sizeof(request_type));
        if (::ioctl(device_.number(), command, &request) != 0)
            return errno_code(during, errno);
        return {};
    }

    template <unsigned long command, typename request_type>
    std::unique_ptr<channel_end> end_of(operation during, request_type request,
                                        std::error_code& ec) noexcept {
        ec = control<command>(during, request);
        if (ec)
            return {};
        unique_descriptor end{request.fd};
        std::unique_ptr<channel_end> opened{new (std::nothrow) device_channel_end{std::move(end)}};
        if (!opened)
            ec = errc::out_of_memory;
        return opened;
    }

    unique_descriptor device_;
};

} // namespace

std::unique_ptr<transport> open_device(const std::string& path, std::error_code& ec) noexcept {
    unique_descriptor device{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (device.number() < 0) {
        ec = errno_code(operation::open, errno);
        return {};
    }
    std::unique_ptr<transport> opened{new (std::nothrow) device_transport{std::move(device)}};
    ec = opened ? std::error_code{} : errno_code(operation::open, ENOMEM);
    return opened;
}

} // namespace fixedpool::detail
