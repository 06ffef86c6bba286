/* SPDX-License-Identifier: MIT */
/** @file
 * An open file, and what goes through the pipes of the demo.
 */
#ifndef FIXEDPOOL_DEMO_FILE_HPP
#define FIXEDPOOL_DEMO_FILE_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

#include <fcntl.h>
#include <unistd.h>

namespace demo {

/** What the producer tells the consumer: not bytes, but where they are. */
struct message {
    std::uint64_t handle; ///< fixedpool::handle::value()
    std::uint64_t length; ///< bytes of the block that are used
};

/** Owner of a descriptor. Its calls throw std::system_error that names the path. */
class file {
  public:
    file(const std::string& path, int flags)
        : path_{path},
          number_{::open(path.c_str(), flags | O_CLOEXEC)} {
        if (number_ < 0)
            fail("open");
    }
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() { ::close(number_); }

    [[nodiscard]] int number() const noexcept { return number_; }

    /** Returns: bytes read; fewer than asked for only at the end of the file. */
    [[nodiscard]] std::size_t read(std::span<std::byte> bytes) const {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto count = ::read(number_, bytes.data() + done, bytes.size() - done);
            if (count < 0)
                fail("read");
            if (count == 0)
                break;
            done += static_cast<std::size_t>(count);
        }
        return done;
    }

    void write(std::span<const std::byte> bytes) const {
        while (!bytes.empty()) {
            const auto count = ::write(number_, bytes.data(), bytes.size());
            if (count < 0)
                fail("write");
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }

    /** Returns: false at the end of the file. */
    template <typename type>
    requires std::is_trivially_copyable_v<type>
    [[nodiscard]] bool receive(type& value) const {
        const auto count = read(std::as_writable_bytes(std::span{&value, 1}));
        if (count != 0 && count != sizeof(value))
            throw std::runtime_error{path_ + " ends inside a message"};
        return count != 0;
    }

    template <typename type>
    requires std::is_trivially_copyable_v<type>
    void send(const type& value) const { write(std::as_bytes(std::span{&value, 1})); }

  private:
    [[noreturn]] void fail(const char* verb) const {
        throw std::system_error{errno, std::generic_category(), std::string{verb} + ' ' + path_};
    }

    std::string path_;
    int number_;
};

} // namespace demo

#endif
