/* SPDX-License-Identifier: MIT */
/*
 * Receives blocks through a channel and never copies them: SHA-256 is computed
 * where they are mapped, CRC-32 by a driver, which gets nothing but the handle.
 */
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <fixedpool/fixedpool.hpp>
#include <fixedpool_client.h>

#include "file.hpp"
#include "program.hpp"
#include "stream.hpp"

namespace {

struct options {
    std::string pool;
    std::string channel;
    std::uint64_t keep = 0;
};

class sha256 {
  public:
    sha256() : context_{EVP_MD_CTX_new(), EVP_MD_CTX_free} {
        check(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
    }

    void update(std::span<const std::byte> bytes) {
        check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    }

    [[nodiscard]] std::string hex() {
        std::vector<unsigned char> digest(EVP_MAX_MD_SIZE);
        unsigned int size = 0;
        check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
        digest.resize(size);
        std::string text;
        for (const unsigned int byte : digest)
            text += fmt::format("{:02x}", byte);
        return text;
    }

  private:
    static void check(bool good) {
        if (!good)
            throw std::runtime_error{"libcrypto does not compute SHA-256"};
    }

    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

class driver_crc32 {
  public:
    explicit driver_crc32(std::string_view pool) : device_{FIXEDPOOL_CLIENT_DEVICE, O_RDWR} {
        pool.copy(request_.pool, sizeof(request_.pool) - 1);
    }

    void update(fixedpool::handle block, std::uint64_t offset, std::uint64_t length) {
        request_.handle = block.value();
        request_.offset = static_cast<std::uint32_t>(offset);
        request_.length = static_cast<std::uint32_t>(length);
        if (::ioctl(device_.number(), FIXEDPOOL_CLIENT_IOC_CRC32, &request_) != 0)
            throw std::system_error{errno, std::generic_category(),
                                    "CRC-32 of handle " + to_string(block)};
    }

    [[nodiscard]] std::string hex() const { return fmt::format("{:08x}", request_.crc); }

  private:
    demo::file device_;
    fixedpool_client_crc32 request_ = {}; // carries the checksum from block to block
};

[[noreturn]] void wait_to_be_killed(std::size_t kept) {
    fmt::print("kept {}\n", kept);
    std::fflush(stdout);
    for (;;)
        ::pause();
}

void consume(const options& wanted) {
    const auto client = fixedpool::client::open();
    const auto pool = client.attach(wanted.pool);
    if (!pool.mappable())
        throw std::runtime_error{"pool '" + wanted.pool + "' cannot be mapped"};
    sha256 hash;
    driver_crc32 crc{pool.name()};

    const auto stream = demo::open_stream(pool, wanted.channel, fixedpool::channel_end::receive);

    std::vector<fixedpool::block> kept;
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
    while (auto block = stream.receive()) {
        const auto part = demo::payload(block);
        hash.update(part);
        crc.update(block.handle(), sizeof(demo::header), part.size());
        ++blocks;
        bytes += part.size();
        if (wanted.keep != 0)
            kept.push_back(std::move(block));
        if (wanted.keep != 0 && kept.size() == wanted.keep)
            wait_to_be_killed(kept.size());
    }
    fmt::print("blocks {}\nbytes {}\nsha256 {}\ncrc32 {}\n", blocks, bytes, hash.hex(), crc.hex());
}

} // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): run() catches what CLI11 throws
int main(int argc, char** argv) {
    options wanted;
    const auto declare = [&](CLI::App& app) {
        app.add_option("--pool", wanted.pool, "name of the pool")->required();
        app.add_option("--channel", wanted.channel, "name of the channel")->required();
        app.add_option("--keep", wanted.keep, "free no block, and with so many wait to be killed");
    };
    return demo::run("demo-consumer", "Receives blocks and prints checksums of them.", argc, argv,
                     declare, [&] { consume(wanted); });
}
