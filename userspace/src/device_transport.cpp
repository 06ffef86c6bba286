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

#include "errno_code.hpp"

namespace fixedpool::detail {
namespace {

static_assert(sizeof(off_t) == sizeof(std::uint64_t), "mmap offsets take 64 bits");

class descriptor {
  public:
    explicit descriptor(int number) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&&) = delete;
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (number_ >= 0)
            ::close(number_);
    }

    [[nodiscard]] int number() const noexcept { return number_; }

  private:
    int number_;
};

class device_transport final : public transport {
  public:
    explicit device_transport(descriptor device) noexcept : device_{std::move(device)} {}

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
        return control<FIXEDPOOL_IOC_ALLOC>(operation::alloc, request);
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
    std::error_code call(fixedpool_channel_create& request) noexcept override {
        return control<FIXEDPOOL_IOC_CHANNEL_CREATE>(operation::create_channel, request);
    }
    std::error_code call(fixedpool_channel_open& request) noexcept override {
        return control<FIXEDPOOL_IOC_CHANNEL_OPEN>(operation::open_channel, request);
    }

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
        ec.clear();
        return {static_cast<std::byte*>(begin), unmap{bytes}};
    }

  private:
    template <unsigned long command, typename request_type>
    std::error_code control(operation during, request_type& request) noexcept {
        static_assert(_IOC_SIZE(command) == sizeof(request_type));
        if (::ioctl(device_.number(), command, &request) != 0)
            return errno_code(during, errno);
        return {};
    }

    descriptor device_;
};

} // namespace

void unmap::operator()(std::byte* begin) const noexcept { ::munmap(begin, length); }

std::unique_ptr<transport> open_device(const std::string& path, std::error_code& ec) noexcept {
    descriptor device{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (device.number() < 0) {
        ec = errno_code(operation::open, errno);
        return {};
    }
    std::unique_ptr<transport> opened{new (std::nothrow) device_transport{std::move(device)}};
    ec = opened ? std::error_code{} : errno_code(operation::open, ENOMEM);
    return opened;
}

} // namespace fixedpool::detail
