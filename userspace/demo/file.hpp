/* SPDX-License-Identifier: MIT */
/** @file
 * An open file.
 */
#ifndef FIXEDPOOL_DEMO_FILE_HPP
#define FIXEDPOOL_DEMO_FILE_HPP

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace demo {

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

  private:
    [[noreturn]] void fail(const char* verb) const {
        throw std::system_error{errno, std::generic_category(), std::string{verb} + ' ' + path_};
    }

    std::string path_;
    int number_;
};

} // namespace demo

#endif
