// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for the argument of every command: the size that travels in the
 * command word, direction bits, unknown flags, reserved fields, structures
 * that lie in bad memory.
 */
#include "fixedpool_test.h"

#include "caches.h"
#include "scopes.h"
#include "sets.h"

#include <stddef.h>
#include <sys/eventfd.h>

#define LARGEST ((1 << _IOC_SIZEBITS) - 1)

/* prepare() makes an argument with which a command succeeds, as often as wanted. */
struct setting {
	int client;
	int other;
	__u32 pool;
	__u32 receiver;
	int channel;
	int event;
	__u64 handle;
	__u32 block;
	char bytes[16];
	unsigned int names;
	union {
		struct fixedpool_query query;
		struct fixedpool_pool_create create;
		struct fixedpool_pool_attach attach;
		struct fixedpool_pool_detach detach;
		struct fixedpool_pool_destroy destroy;
		struct fixedpool_pool_info info;
		struct fixedpool_alloc alloc;
		struct fixedpool_free free;
		struct fixedpool_check check;
		struct fixedpool_read read;
		struct fixedpool_write write;
		struct fixedpool_give give;
		struct fixedpool_share share;
		struct fixedpool_scope_create scope_create;
		struct fixedpool_scope_release scope_release;
		struct fixedpool_cache_fill cache_fill;
		struct fixedpool_cache_drain cache_drain;
		struct fixedpool_channel_create channel_create;
		struct fixedpool_channel_open channel_open;
		struct fixedpool_set_create set_create;
		struct fixedpool_set_destroy set_destroy;
		struct fixedpool_watch watch;
		char bytes[LARGEST];
		__u32 words[LARGEST / 4];
	} *argument;
};

static void set_up(struct __test_metadata *_metadata, struct setting *self)
{
	self->client = client_open();
	ASSERT_LE(0, self->client);
	self->other = client_open();
	ASSERT_LE(0, self->other);
	self->receiver = client_number(self->other);
	ASSERT_NE(0, self->receiver);
	ASSERT_EQ(0, pool_create(self->client, "abi", 0, 64, 256, &self->pool));
	ASSERT_EQ(0, pool_attach(self->other, "abi", NULL));
	self->argument = calloc(1, sizeof(*self->argument));
	ASSERT_TRUE(self->argument != NULL);
	self->channel = channel_create(self->client, self->pool, "abi", 1, FIXEDPOOL_CHANNEL_READ);
	ASSERT_LE(0, self->channel);
	self->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, self->event);
}

static void tear_down(struct setting *self)
{
	free(self->argument);
	close(self->event);
	close(self->channel);
	close(self->client);
	close(self->other);
}

static void prepare(struct __test_metadata *_metadata, struct setting *self, unsigned int number)
{
	char name[FIXEDPOOL_NAME_SIZE];
	__u32 pool;

	snprintf(name, sizeof(name), "abi-%u", self->names++);
	self->handle = block_take(self->client, self->pool);
	ASSERT_NE(0, self->handle);
	memset(self->argument, 0, sizeof(*self->argument));
	switch (number) {
	case _IOC_NR(FIXEDPOOL_IOC_QUERY):
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_CREATE):
		self->argument->create = pool_parameters(name);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_ATTACH):
		ASSERT_EQ(0, pool_create(self->other, name, 0, 64, 1, &pool));
		strcpy(self->argument->attach.name, name);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_DETACH):
		ASSERT_EQ(0, pool_create(self->client, name, 0, 64, 1, &pool));
		self->argument->detach.id = pool;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_DESTROY):
		ASSERT_EQ(0, pool_create(self->other, name, 0, 64, 1, &pool));
		strcpy(self->argument->destroy.name, name);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_INFO):
		self->argument->info.id = self->pool;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_ALLOC):
		self->argument->alloc.pool = self->pool;
		self->argument->alloc.count = 1;
		self->argument->alloc.handles = (uintptr_t)&self->handle;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_FREE):
		self->argument->free.handles = (uintptr_t)&self->handle;
		self->argument->free.count = 1;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHECK):
		self->argument->check.handle = self->handle;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_READ):
	case _IOC_NR(FIXEDPOOL_IOC_WRITE):
		self->argument->read.handle = self->handle;
		self->argument->read.buffer = (uintptr_t)self->bytes;
		self->argument->read.length = sizeof(self->bytes);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_GIVE):
		self->argument->give.handles = (uintptr_t)&self->handle;
		self->argument->give.count = 1;
		self->argument->give.client = self->receiver;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SHARE):
		self->argument->share.handles = (uintptr_t)&self->handle;
		self->argument->share.count = 1;
		self->argument->share.client = self->receiver;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_CREATE):
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_RELEASE):
		ASSERT_EQ(0, scope_create(self->client, 0, &self->argument->scope_release.scope));
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CACHE_FILL):
		self->argument->cache_fill.pool = self->pool;
		self->argument->cache_fill.count = 1;
		self->argument->cache_fill.blocks = (uintptr_t)&self->block;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CACHE_DRAIN):
		ASSERT_EQ(0, cache_fill(self->client, self->pool, &self->block, 1, NULL));
		self->argument->cache_drain.pool = self->pool;
		self->argument->cache_drain.count = 1;
		self->argument->cache_drain.blocks = (uintptr_t)&self->block;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_CREATE):
		self->argument->channel_create.pool = self->pool;
		self->argument->channel_create.capacity = 1;
		self->argument->channel_create.flags = FIXEDPOOL_CHANNEL_READ;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_OPEN):
		strcpy(self->argument->channel_open.name, "abi");
		self->argument->channel_open.pool = self->pool;
		self->argument->channel_open.flags = FIXEDPOOL_CHANNEL_READ;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SET_CREATE):
		strcpy(self->argument->set_create.name, name);
		self->argument->set_create.pools = (uintptr_t)&self->pool;
		self->argument->set_create.count = 1;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SET_DESTROY):
		ASSERT_EQ(0, set_create(self->client, name, &self->pool, 1, &pool));
		strcpy(self->argument->set_destroy.name, name);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_WATCH):
		ASSERT_EQ(0, pool_create(self->client, name, 0, 64, 1, &pool));
		self->argument->watch.pool = pool;
		self->argument->watch.low = 1;
		self->argument->watch.fd = self->event;
		break;
	}
}

/* Sets every out member to ones. */
static void litter(struct setting *self, unsigned int number)
{
	char *end = self->argument->bytes + sizeof(struct fixedpool_pool_info);

	switch (number) {
	case _IOC_NR(FIXEDPOOL_IOC_QUERY):
		memset(self->argument, 0xff, sizeof(struct fixedpool_query));
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_CREATE):
		self->argument->create.id = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_ATTACH):
		self->argument->attach.id = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_POOL_INFO):
		memset(self->argument->info.name, 0xff, end - self->argument->info.name);
		break;
	case _IOC_NR(FIXEDPOOL_IOC_ALLOC):
		self->argument->alloc.done = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_FREE):
		self->argument->free.done = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHECK):
		self->argument->check.state = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_GIVE):
		self->argument->give.done = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SHARE):
		self->argument->share.done = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_CREATE):
		self->argument->scope_create.scope = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SCOPE_RELEASE):
		self->argument->scope_release.blocks = ~0ULL;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CACHE_FILL):
		self->argument->cache_fill.done = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CACHE_DRAIN):
		self->argument->cache_drain.done = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_CREATE):
		self->argument->channel_create.fd = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_CHANNEL_OPEN):
		self->argument->channel_open.fd = ~0;
		break;
	case _IOC_NR(FIXEDPOOL_IOC_SET_CREATE):
		self->argument->set_create.id = ~0;
		break;
	}
}

static int sized(struct setting *self, unsigned int number, unsigned int size)
{
	return call(self->client, _IOC(_IOC_READ | _IOC_WRITE, FIXEDPOOL_IOC_MAGIC, number, size),
		    self->argument);
}

static int placed(struct setting *self, unsigned int number, unsigned int size, void *at)
{
	return call(self->client, _IOC(_IOC_READ | _IOC_WRITE, FIXEDPOOL_IOC_MAGIC, number, size),
		    at);
}

/* Each test of this fixture runs once for each command. */
FIXTURE(command)
{
	struct setting setting;
};

FIXTURE_VARIANT(command)
{
	unsigned int number;
	unsigned int size;
	unsigned int first;	/* size in the first version */
	bool writes;		/* there are out members */
};

FIXTURE_SETUP(command)
{
	set_up(_metadata, &self->setting);
}

FIXTURE_TEARDOWN(command)
{
	tear_down(&self->setting);
}

#define GROWN_COMMAND_VARIANT(name, type, first_, writes_)			\
FIXTURE_VARIANT_ADD(command, name)						\
{										\
	.number = _IOC_NR(FIXEDPOOL_IOC_##name),				\
	.size = sizeof(struct fixedpool_##type),				\
	.first = first_,							\
	.writes = writes_,							\
}

#define COMMAND_VARIANT(name, type, writes_)					\
	GROWN_COMMAND_VARIANT(name, type, sizeof(struct fixedpool_##type), writes_)

COMMAND_VARIANT(QUERY, query, true);
COMMAND_VARIANT(POOL_CREATE, pool_create, true);
COMMAND_VARIANT(POOL_ATTACH, pool_attach, true);
COMMAND_VARIANT(POOL_DETACH, pool_detach, false);
COMMAND_VARIANT(POOL_DESTROY, pool_destroy, false);
GROWN_COMMAND_VARIANT(POOL_INFO, pool_info, 144, true);
GROWN_COMMAND_VARIANT(ALLOC, alloc, 24, true);
COMMAND_VARIANT(FREE, free, true);
COMMAND_VARIANT(CHECK, check, true);
COMMAND_VARIANT(READ, read, false);
COMMAND_VARIANT(WRITE, write, false);
COMMAND_VARIANT(GIVE, give, true);
COMMAND_VARIANT(SHARE, share, true);
COMMAND_VARIANT(SCOPE_CREATE, scope_create, true);
COMMAND_VARIANT(SCOPE_RELEASE, scope_release, true);
COMMAND_VARIANT(CACHE_FILL, cache_fill, true);
COMMAND_VARIANT(CACHE_DRAIN, cache_drain, true);
COMMAND_VARIANT(CHANNEL_CREATE, channel_create, true);
COMMAND_VARIANT(CHANNEL_OPEN, channel_open, true);
COMMAND_VARIANT(SET_CREATE, set_create, true);
COMMAND_VARIANT(SET_DESTROY, set_destroy, false);
COMMAND_VARIANT(WATCH, watch, true);

TEST_F(command, succeeds_with_the_structure_of_this_header)
{
	prepare(_metadata, &self->setting, variant->number);
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
}

TEST_F(command, refuses_a_structure_shorter_than_the_first_version)
{
	const unsigned int sizes[] = { 0, 1, variant->first / 2, variant->first - 4,
				       variant->first - 1 };

	prepare(_metadata, &self->setting, variant->number);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(EINVAL, sized(&self->setting, variant->number, sizes[i])) {
			TH_LOG("size %u", sizes[i]);
		}
	}
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->first));
}

TEST_F(command, accepts_a_longer_structure_that_ends_in_zeroes)
{
	const unsigned int sizes[] = { variant->size + 1, variant->size + 8, PAGE };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		prepare(_metadata, &self->setting, variant->number);
		EXPECT_EQ(0, sized(&self->setting, variant->number, sizes[i])) {
			TH_LOG("size %u", sizes[i]);
		}
		for (unsigned int byte = variant->size; byte < sizes[i]; byte++) {
			ASSERT_EQ(0, self->setting.argument->bytes[byte]);
		}
	}
}

TEST_F(command, refuses_a_longer_structure_with_data_in_its_tail_and_does_nothing)
{
	const unsigned int tails[] = { 1, 8, 100 };
	char *bytes = self->setting.argument->bytes;

	prepare(_metadata, &self->setting, variant->number);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		unsigned int size = variant->size + tails[i];

		bytes[size - 1] = 1;
		EXPECT_EQ(E2BIG, sized(&self->setting, variant->number, size)) {
			TH_LOG("data in the last of %u bytes", size);
		}
		bytes[size - 1] = 0;
		bytes[variant->size] = 1;
		EXPECT_EQ(E2BIG, sized(&self->setting, variant->number, size)) {
			TH_LOG("data in the first byte of the tail, of %u bytes", size);
		}
		bytes[variant->size] = 0;
	}
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
}

TEST_F(command, refuses_a_structure_longer_than_a_page_whatever_it_holds)
{
	const unsigned int sizes[] = { PAGE + 1, 2 * PAGE, LARGEST };

	prepare(_metadata, &self->setting, variant->number);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(E2BIG, sized(&self->setting, variant->number, sizes[i])) {
			TH_LOG("size %u", sizes[i]);
		}
	}
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
}

TEST_F(command, is_found_by_type_and_number_whatever_the_direction_bits)
{
	for (unsigned int direction = 0; direction <= _IOC_DIRMASK; direction++) {
		prepare(_metadata, &self->setting, variant->number);
		EXPECT_EQ(0, call(self->setting.client,
				  _IOC(direction, FIXEDPOOL_IOC_MAGIC, variant->number,
				       variant->size), self->setting.argument)) {
			TH_LOG("direction %u", direction);
		}
	}
}

TEST_F(command, is_unknown_under_any_other_type)
{
	prepare(_metadata, &self->setting, variant->number);
	for (unsigned int type = 0; type <= _IOC_TYPEMASK; type++) {
		if (type == FIXEDPOOL_IOC_MAGIC)
			continue;
		EXPECT_EQ(ENOTTY, call(self->setting.client,
				       _IOC(_IOC_READ | _IOC_WRITE, type, variant->number,
					    variant->size), self->setting.argument)) {
			TH_LOG("type %#x", type);
		}
	}
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
}

TEST_F(command, does_not_read_what_only_comes_out)
{
	prepare(_metadata, &self->setting, variant->number);
	litter(&self->setting, variant->number);
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
}

TEST_F(command, refuses_a_structure_at_a_bad_address)
{
	char *edge = edge_map();

	ASSERT_TRUE(edge != MAP_FAILED);
	EXPECT_EQ(EFAULT, placed(&self->setting, variant->number, variant->size, NULL));
	EXPECT_EQ(EFAULT, placed(&self->setting, variant->number, variant->size, (void *)-4096L));
	EXPECT_EQ(EFAULT, placed(&self->setting, variant->number, variant->size, edge + PAGE));
}

TEST_F(command, refuses_a_structure_that_runs_into_bad_memory_and_does_nothing)
{
	char *edge = edge_map(), *at;

	ASSERT_TRUE(edge != MAP_FAILED);
	prepare(_metadata, &self->setting, variant->number);
	at = edge + PAGE - variant->size / 2;
	memcpy(at, self->setting.argument, variant->size / 2);
	EXPECT_EQ(EFAULT, placed(&self->setting, variant->number, variant->size, at));

	/* The structure fits, but not the tail that its size announces. */
	at = edge + PAGE - variant->size;
	memcpy(at, self->setting.argument, variant->size);
	EXPECT_EQ(EFAULT, placed(&self->setting, variant->number, variant->size + 8, at));
	EXPECT_EQ(0, placed(&self->setting, variant->number, variant->size, at));
}

TEST_F(command, writes_back_only_if_something_comes_out)
{
	char *page = edge_map();

	ASSERT_TRUE(page != MAP_FAILED);
	prepare(_metadata, &self->setting, variant->number);
	memcpy(page, self->setting.argument, variant->size);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	EXPECT_EQ(variant->writes ? EFAULT : 0,
		  placed(&self->setting, variant->number, variant->size, page));
}

TEST_F(command, works_however_the_descriptor_is_open)
{
	const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int client = open(FIXEDPOOL_DEVICE, flags[i] | O_CLOEXEC);

		ASSERT_LE(0, client);
		ASSERT_EQ(0, pool_attach(client, "abi", NULL));
		ASSERT_EQ(self->setting.client, dup2(client, self->setting.client));
		close(client);
		prepare(_metadata, &self->setting, variant->number);
		EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
	}
}

/* Each test of this fixture runs once for each field of flags and each reserved field. */
FIXTURE(field)
{
	struct setting setting;
};

FIXTURE_VARIANT(field)
{
	unsigned int number;
	unsigned int size;
	unsigned int offset;
	__u32 known;		/* bits that have a meaning */
};

FIXTURE_SETUP(field)
{
	set_up(_metadata, &self->setting);
}

FIXTURE_TEARDOWN(field)
{
	tear_down(&self->setting);
}

#define FIELD_VARIANT(name, type, member, known_)				\
FIXTURE_VARIANT_ADD(field, name##_##member)					\
{										\
	.number = _IOC_NR(FIXEDPOOL_IOC_##name),				\
	.size = sizeof(struct fixedpool_##type),				\
	.offset = offsetof(struct fixedpool_##type, member),			\
	.known = known_,							\
}

FIELD_VARIANT(POOL_CREATE, pool_create, flags,
	      FIXEDPOOL_POOL_AUTO_DESTROY | FIXEDPOOL_POOL_NUMA_NODE |
	      FIXEDPOOL_POOL_ZERO_ON_ALLOC | FIXEDPOOL_POOL_ZERO_ON_FREE | FIXEDPOOL_POOL_POISON |
	      FIXEDPOOL_POOL_PACKED | FIXEDPOOL_POOL_REVOCABLE | FIXEDPOOL_POOL_TRACK);
FIELD_VARIANT(POOL_ATTACH, pool_attach, flags, 0);
FIELD_VARIANT(POOL_DETACH, pool_detach, flags, 0);
FIELD_VARIANT(POOL_DESTROY, pool_destroy, flags, 0);
FIELD_VARIANT(POOL_DESTROY, pool_destroy, reserved, 0);
FIELD_VARIANT(POOL_INFO, pool_info, query_flags, 0);
FIELD_VARIANT(ALLOC, alloc, flags, FIXEDPOOL_ALLOC_PARTIAL | FIXEDPOOL_ALLOC_ZERO |
	      FIXEDPOOL_ALLOC_WAIT);
FIELD_VARIANT(ALLOC, alloc, size, 0);
FIELD_VARIANT(FREE, free, flags, 0);
FIELD_VARIANT(FREE, free, reserved, 0);
FIELD_VARIANT(CHECK, check, flags, 0);
FIELD_VARIANT(READ, read, flags, 0);
FIELD_VARIANT(READ, read, reserved, 0);
FIELD_VARIANT(WRITE, write, flags, 0);
FIELD_VARIANT(WRITE, write, reserved, 0);
FIELD_VARIANT(GIVE, give, flags, 0);
FIELD_VARIANT(SHARE, share, flags, 0);
FIELD_VARIANT(SCOPE_CREATE, scope_create, flags, 0);
FIELD_VARIANT(SCOPE_CREATE, scope_create, reserved, 0);
FIELD_VARIANT(SCOPE_RELEASE, scope_release, flags, FIXEDPOOL_SCOPE_DISSOLVE);
FIELD_VARIANT(CACHE_FILL, cache_fill, flags, 0);
FIELD_VARIANT(CACHE_DRAIN, cache_drain, flags, 0);
FIELD_VARIANT(CHANNEL_CREATE, channel_create, flags,
	      FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE | FIXEDPOOL_CHANNEL_NONBLOCK);
FIELD_VARIANT(CHANNEL_OPEN, channel_open, flags,
	      FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE | FIXEDPOOL_CHANNEL_NONBLOCK);
FIELD_VARIANT(CHANNEL_OPEN, channel_open, reserved, 0);
FIELD_VARIANT(WATCH, watch, flags, FIXEDPOOL_WATCH_REMOVE);
FIELD_VARIANT(SET_CREATE, set_create, flags, 0);
FIELD_VARIANT(SET_CREATE, set_create, reserved, 0);
FIELD_VARIANT(SET_DESTROY, set_destroy, id, 0);
FIELD_VARIANT(SET_DESTROY, set_destroy, flags, 0);

TEST_F(field, refuses_every_unknown_bit_and_nothing_happens)
{
	__u32 *field = &self->setting.argument->words[variant->offset / 4], before;

	prepare(_metadata, &self->setting, variant->number);
	before = *field;
	for (int bit = 0; bit < 32; bit++) {
		if (variant->known & (1U << bit))
			continue;
		*field = before | 1U << bit;
		EXPECT_EQ(EINVAL, sized(&self->setting, variant->number, variant->size)) {
			TH_LOG("bit %d", bit);
		}
	}
	*field = before;
	EXPECT_EQ(0, sized(&self->setting, variant->number, variant->size));
}

TEST_HARNESS_MAIN
