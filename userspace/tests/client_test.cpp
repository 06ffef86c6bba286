/* SPDX-License-Identifier: MIT */
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include <sys/resource.h>

#include "device_test.hpp"

namespace {

using namespace fixedpool;
using namespace fixedpool::testing;

/** Sets a parameter of the module, and puts it back at the end of the scope. */
class module_parameter {
  public:
    module_parameter(const std::string& name, const std::string& value)
        : path_{"/sys/module/fixedpool/parameters/" + name} {
        std::ifstream{path_} >> before_;
        std::ofstream{path_} << value << std::flush;
    }
    module_parameter(const module_parameter&) = delete;
    module_parameter& operator=(const module_parameter&) = delete;
    ~module_parameter() { std::ofstream{path_} << before_ << std::flush; }

  private:
    std::string path_;
    std::string before_;
};

class Client : public any_transport_test {};
class DeviceClient : public device_test {};

TEST_P(Client, HasANumberOfItsOwn) {
    const auto other = open_client();
    EXPECT_NE(client_.id(), client_id{});
    EXPECT_NE(other.id(), client_id{});
    EXPECT_NE(client_.id(), other.id());
}

TEST_P(Client, KnowsTheLimitsOfTheModule) {
    EXPECT_EQ(client_.limits().max_batch, 1024U);
    EXPECT_EQ(client_.limits().max_block_size, 4U << 20);
}

TEST_P(Client, IsSharedByItsCopies) {
    const auto copy = client_;
    EXPECT_EQ(copy.id(), client_.id());
}

TEST_P(Client, IsEmptyAfterItWasMoved) {
    auto first = open_client();
    const auto second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
}

TEST_P(Client, LivesAsLongAsItsPools) {
    pool left;
    {
        const auto brief = open_client();
        left = brief.create(small_pool());
    }
    EXPECT_TRUE(left.allocate());
}

TEST_F(DeviceClient, IsNotOpenedWithoutADevice) {
    EXPECT_REFUSED(error, errc::no_device, client::open("/dev/no-such-device"));
}

TEST_F(DeviceClient, IsNotOpenedOnAnotherDevice) {
    EXPECT_REFUSED(error, errc::not_the_device, client::open("/dev/null"));
}

TEST_F(DeviceClient, ReportsTheSameCauseWithoutThrowing) {
    std::error_code ec;
    EXPECT_FALSE(client::try_open("/dev/null", ec));
    EXPECT_EQ(ec, errc::not_the_device);
    EXPECT_TRUE(client::try_open(ec));
    EXPECT_FALSE(ec);
}

TEST_F(DeviceClient, NamesTheDeviceThatItCouldNotOpen) {
    try {
        static_cast<void>(client::open("/dev/no-such-device"));
        ADD_FAILURE();
    } catch (const error& refused) {
        EXPECT_NE(std::string{refused.what()}.find("/dev/no-such-device"), std::string::npos);
    }
}

TEST_P(Client, CreatesAPoolAsAskedFor) {
    const auto name = unique_name();
    const auto made = client_.create(
        {.name = name, .block_size = 100, .blocks = 33, .alignment = 64, .auto_destroy = true});
    EXPECT_EQ(made.name(), name);
    EXPECT_EQ(made.block_size(), 100U);
    EXPECT_EQ(made.capacity(), 33U);
    EXPECT_EQ(made.alignment(), 64U);
    EXPECT_EQ(made.stride(), 128U);
    EXPECT_EQ(made.storage(), storage_type::pages);
    EXPECT_TRUE(made.mappable());
    EXPECT_EQ(made.usage().in_use, 0U);
    EXPECT_EQ(made.usage().clients, 1U);
}

TEST_P(Client, AlignsBlocksForWhateverIsOfTheirSize) {
    for (const std::uint32_t size : {16U, 48U, 4096U}) {
        auto options = small_pool();
        options.block_size = size;
        const auto made = client_.create(options);
        EXPECT_EQ(made.alignment(), alignof(std::max_align_t)) << size;
        EXPECT_EQ(made.stride() % alignof(std::max_align_t), 0U) << size;
    }
    for (const std::uint32_t size : {1U, 8U, 24U, 40U}) {
        auto options = small_pool();
        options.block_size = size;
        const auto made = client_.create(options);
        EXPECT_EQ(made.alignment(), 8U) << size;
        EXPECT_EQ(made.stride(), (size + 7) / 8 * 8) << size;
    }
}

TEST_P(Client, CreatesASlabPoolThatIsNotMapped) {
    const auto made = client_.create(slab_pool());
    EXPECT_EQ(made.storage(), storage_type::slab);
    EXPECT_FALSE(made.mappable());
}

TEST_P(Client, CreatesAPoolOnANumaNode) {
    auto options = small_pool();
    options.numa_node = 0;
    EXPECT_TRUE(client_.create(options));
    options = small_pool();
    options.numa_node = -7;
    EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options));
}

TEST_P(Client, LeavesNoPoolBehindThatGoesWithItsLastClient) {
    const auto options = small_pool();
    { const auto made = client_.create(options); }
    EXPECT_REFUSED(pool_error, errc::no_such_pool, client_.attach(options.name));
}

TEST_P(Client, MayHaveANameOfThirtyOneCharactersAndNoMore) {
    auto options = small_pool();
    options.name = unique_name();
    options.name.resize(31, 'x');
    EXPECT_EQ(client_.create(options).name(), options.name);
    options.name += 'x';
    EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.attach(options.name));
    EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.destroy(options.name));
}

TEST_P(Client, DoesNotCutANameAtAZeroByte) {
    auto options = small_pool();
    options.name += '\0';
    EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options));
}

TEST_P(Client, RefusesImpossiblePools) {
    const auto impossible = [&](auto change, const std::string& unfit) {
        auto options = small_pool();
        change(options);
        EXPECT_REFUSED(pool_error, errc::invalid_argument, client_.create(options));
        try {
            static_cast<void>(client_.create(options));
        } catch (const pool_error& refused) {
            EXPECT_NE(std::string{refused.what()}.find('(' + unfit + ')'), std::string::npos)
                << refused.what();
        }
    };
    impossible([](auto& options) { options.name = ".hidden"; }, "name");
    impossible([](auto& options) { options.name = "a/b"; }, "name");
    impossible([](auto& options) { options.block_size = 0; }, "block_size");
    impossible([](auto& options) { options.block_size = (4U << 20) + 1; }, "block_size");
    impossible([](auto& options) { options.blocks = 0; }, "blocks");
    impossible([](auto& options) { options.alignment = 24; }, "alignment");
    impossible([](auto& options) { options.alignment = 1U << 20; }, "alignment");
    impossible([](auto& options) { options.reserve = options.blocks + 1; }, "reserve");
    impossible([](auto& options) { options.mode = 0700; }, "mode");
    impossible([](auto& options) { options.storage = storage_type{2}; }, "storage");
}

TEST_P(Client, NamesPoolsThatAreGivenNoName) {
    auto options = small_pool();
    options.name.clear();
    std::optional first{client_.create(options)};
    const auto second = client_.create(options);
    const std::string name{first->name()};
    EXPECT_NE(name, "");
    EXPECT_NE(name, second.name());
    EXPECT_EQ(open_client().attach(name).capacity(), first->capacity());

    first.reset();
    EXPECT_REFUSED(pool_error, errc::no_such_pool, client_.attach(name));
}

TEST_P(Client, NamesPoolsApartFromThoseThatHaveTheName) {
    auto options = small_pool();
    options.name.clear();
    std::string next{client_.create(options).name()};
    // What it would be called next, as far as the numbers go.
    const auto end = next.find_last_not_of("0123456789") + 1;
    next.replace(end, std::string::npos, std::to_string(std::stoul(next.substr(end)) + 1));
    auto taken = small_pool();
    taken.name = next;
    const auto holder = client_.create(taken);
    EXPECT_NE(client_.create(options).name(), next);
    client_.destroy(next);
}

TEST_P(Client, RefusesANameThatIsTaken) {
    const auto options = small_pool();
    const auto made = client_.create(options);
    EXPECT_REFUSED(pool_error, errc::name_taken, client_.create(options));
}

TEST_P(Client, RefusesAPoolLargerThanTheHandleSpace) {
    auto options = small_pool();
    options.blocks = UINT32_MAX;
    options.block_size = 4U << 20;
    EXPECT_REFUSED(pool_error, errc::pool_too_large, client_.create(options));
}

TEST_F(DeviceClient, RefusesMorePoolsThanTheModuleAllows) {
    const auto made = client_.create(small_pool());
    const module_parameter limit{"max_pools", "1"};
    EXPECT_REFUSED(pool_error, errc::too_many_pools, client_.create(small_pool()));
}

TEST_F(DeviceClient, RefusesMoreBytesThanTheModuleAllows) {
    const module_parameter limit{"max_bytes", "4096"};
    EXPECT_REFUSED(pool_error, errc::byte_limit, client_.create(with_blocks(1000)));
}

TEST_F(DeviceClient, RefusesMoreMemoryThanTheUserMayLock) {
    const auto cause = cause_as_nobody([&](std::error_code& ec) {
        const rlimit limit{4096, 4096};
        ::setrlimit(RLIMIT_MEMLOCK, &limit);
        static_cast<void>(client_.try_create(with_blocks(1000), ec));
    });
    EXPECT_EQ(cause, errc::lock_limit) << cause.message();
}

TEST_P(Client, RefusesAPoolThatItsModeForbids) {
    const auto options = small_pool();
    const auto made = client_.create(options);
    const auto other = open_client();
    EXPECT_EQ(cause_as_nobody([&](std::error_code& ec) {
                  static_cast<void>(other.try_attach(options.name, ec));
              }),
              errc::pool_forbidden);
    EXPECT_EQ(cause_as_nobody([&](std::error_code& ec) { other.try_destroy(options.name, ec); }),
              errc::pool_forbidden);
}

TEST_P(Client, AttachesAnybodyToAPoolOfModeRwForAll) {
    auto options = small_pool();
    options.mode = 0666;
    const auto made = client_.create(options);
    const auto other = open_client();
    EXPECT_FALSE(cause_as_nobody(
        [&](std::error_code& ec) { static_cast<void>(other.try_attach(options.name, ec)); }));
}

TEST_P(Client, SeesTheSamePoolUnderTheSameName) {
    const auto options = small_pool();
    const auto made = client_.create(options);
    const auto attached = open_client().attach(options.name);
    EXPECT_EQ(attached.name(), options.name);
    EXPECT_EQ(attached.capacity(), options.blocks);
    EXPECT_EQ(made.usage().clients, 2U);
}

TEST_P(Client, IsAttachedToAPoolOnlyOnce) {
    const auto options = small_pool();
    const auto made = client_.create(options);
    EXPECT_REFUSED(pool_error, errc::already_attached, client_.attach(options.name));
}

TEST_P(Client, AttachesAgainAfterItLeft) {
    const auto options = small_pool();
    const auto keeper = open_client().create(options);
    { const auto attached = client_.attach(options.name); }
    EXPECT_TRUE(client_.attach(options.name));
}

TEST_P(Client, LeavesThePoolWithItsLastCopy) {
    const auto options = small_pool();
    const auto keeper = open_client().create(options);
    auto first = client_.attach(options.name);
    auto second = first;
    first = {};
    EXPECT_EQ(keeper.usage().clients, 2U);
    second = {};
    EXPECT_EQ(keeper.usage().clients, 1U);
}

TEST_P(Client, RefusesToAttachToOrDestroyWhatIsNotThere) {
    EXPECT_REFUSED(pool_error, errc::no_such_pool, client_.attach("no-such-pool"));
    EXPECT_REFUSED(pool_error, errc::no_such_pool, client_.destroy("no-such-pool"));
}

TEST_P(Client, TakesAPoolsNameAwayButNotItsMemory) {
    auto options = small_pool();
    options.auto_destroy = false;
    const auto made = client_.create(options);
    const auto block = made.allocate();
    client_.destroy(options.name);
    EXPECT_REFUSED(pool_error, errc::no_such_pool, open_client().attach(options.name));
    block.data()[0] = std::byte{1};
    EXPECT_TRUE(made.allocate());
    options.auto_destroy = true;
    EXPECT_TRUE(open_client().create(options)) << "the name is free";
}

TEST_P(Client, SaysWhichPoolItWasAskedFor) {
    try {
        static_cast<void>(client_.attach("no-such-pool"));
        ADD_FAILURE();
    } catch (const pool_error& refused) {
        EXPECT_EQ(refused.pool_name(), "no-such-pool");
        EXPECT_STREQ(refused.what(), "attach to pool 'no-such-pool': no pool has this name");
    }
}

FIXEDPOOL_ON_ANY_TRANSPORT(Client);

} // namespace
