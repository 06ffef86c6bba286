// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios: channels as modules use them.
 */

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "scenarios/nmi.h"
#include "scenarios/scenario.h"

#define BLOCKS		8
#define CAPACITY	4
#define BOTH		(FIXEDPOOL_CHANNEL_READ | FIXEDPOOL_CHANNEL_WRITE)
#define NAME		"scenario"

/**
 * struct setting - a pool with a channel, both of them empty
 * @s: the scenario
 * @pool: the pool
 * @channel: the channel, open for both directions
 */
struct setting {
	struct scenario *s;
	struct fixedpool *pool;
	struct fixedpool_channel *channel;
};

static bool setting_begin(struct setting *setting, struct scenario *s,
			  u32 blocks, u32 capacity)
{
	setting->s = s;
	setting->pool = scenario_pool(s, NAME, 64, blocks);
	if (!setting->pool)
		return false;
	setting->channel = fixedpool_channel_create(setting->pool, NAME,
						    capacity, BOTH);
	if (EXPECT_EQ(s, PTR_ERR_OR_ZERO(setting->channel), 0))
		return true;
	fixedpool_destroy(setting->pool);
	return false;
}

static void setting_end(struct setting *setting)
{
	fixedpool_channel_put(setting->channel, BOTH);
	scenario_pool_end(setting->s, setting->pool);
}

static int receive_error(struct fixedpool_channel *channel)
{
	u64 handle;

	return PTR_ERR_OR_ZERO(fixedpool_channel_receive(channel, &handle));
}

void a_channel_carries_blocks_in_order(struct scenario *s)
{
	u64 sent[CAPACITY] = {}, handle;
	struct setting setting;
	void *block;
	int i, round;

	if (!setting_begin(&setting, s, BLOCKS, CAPACITY))
		return;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < CAPACITY; i++) {
			EXPECT(s, fixedpool_alloc(setting.pool, &sent[i]));
			EXPECT_EQ(s, fixedpool_channel_send(setting.channel,
							    sent[i]), 0);
			/* it is the channel's now */
			EXPECT_EQ(s, fixedpool_free(setting.pool, sent[i]),
				  -EPERM);
		}
		EXPECT_EQ(s, fixedpool_in_use(setting.pool), CAPACITY);
		for (i = 0; i < CAPACITY; i++) {
			handle = 0;
			block = fixedpool_channel_receive(setting.channel,
							  &handle);
			EXPECT_EQ(s, handle, sent[i]);
			EXPECT(s, block == fixedpool_pointer(setting.pool,
							     handle));
			EXPECT_EQ(s, fixedpool_free(setting.pool, handle), 0);
		}
		EXPECT_EQ(s, receive_error(setting.channel), -EAGAIN);
	}
	setting_end(&setting);
}

void a_full_channel_takes_no_more(struct scenario *s)
{
	struct setting setting;
	u64 handle = 0;
	int i;

	if (!setting_begin(&setting, s, BLOCKS, CAPACITY))
		return;
	for (i = 0; i <= CAPACITY; i++) {
		EXPECT(s, fixedpool_alloc(setting.pool, &handle));
		EXPECT_EQ(s, fixedpool_channel_send(setting.channel, handle),
			  i < CAPACITY ? 0 : -EAGAIN);
	}
	EXPECT_EQ(s, fixedpool_free(setting.pool, handle), 0);
	/* what is queued goes with the channel */
	setting_end(&setting);
}

void a_channel_refuses_what_nobody_may_send(struct scenario *s)
{
	struct fixedpool *other;
	struct setting setting;
	u64 freed = 0, foreign = 0;
	u32 slot;

	if (!setting_begin(&setting, s, BLOCKS, CAPACITY))
		return;
	other = scenario_pool(s, "scenario-other", 64, 1);
	if (other) {
		EXPECT(s, fixedpool_alloc(other, &foreign));
		EXPECT_EQ(s, fixedpool_channel_send(setting.channel, foreign),
			  -ENXIO);
		EXPECT_EQ(s, fixedpool_free(other, foreign), 0);
		scenario_pool_end(s, other);
	}
	EXPECT(s, fixedpool_alloc(setting.pool, &freed));
	EXPECT_EQ(s, fixedpool_free(setting.pool, freed), 0);
	slot = FIXEDPOOL_HANDLE_SLOT(freed);
	EXPECT_EQ(s, fixedpool_channel_send(setting.channel, freed), -ESTALE);
	EXPECT_EQ(s, fixedpool_channel_send(setting.channel, 0), -EINVAL);
	EXPECT_EQ(s, fixedpool_channel_send(setting.channel,
					    FIXEDPOOL_HANDLE(1, slot | 0xffff)),
		  -ERANGE);
	/* sent once already */
	EXPECT(s, fixedpool_alloc(setting.pool, &freed));
	EXPECT_EQ(s, fixedpool_channel_send(setting.channel, freed), 0);
	EXPECT_EQ(s, fixedpool_channel_send(setting.channel, freed), -EPERM);
	setting_end(&setting);
}

static int create_error(struct fixedpool *pool, const char *name, u32 capacity,
			u32 ends)
{
	struct fixedpool_channel *channel =
		fixedpool_channel_create(pool, name, capacity, ends);

	if (IS_ERR(channel))
		return PTR_ERR(channel);
	fixedpool_channel_put(channel, ends);
	return 0;
}

static int get_error(struct fixedpool *pool, const char *name, u32 ends)
{
	struct fixedpool_channel *channel =
		fixedpool_channel_get(pool, name, ends);

	if (IS_ERR(channel))
		return PTR_ERR(channel);
	fixedpool_channel_put(channel, ends);
	return 0;
}

void a_bad_channel_is_refused(struct scenario *s)
{
	struct setting setting;
	struct fixedpool *pool;

	if (!setting_begin(&setting, s, BLOCKS, CAPACITY))
		return;
	pool = setting.pool;
	EXPECT_EQ(s, create_error(pool, NULL, 1, BOTH), -EINVAL);
	EXPECT_EQ(s, create_error(pool, "", 1, BOTH), -EINVAL);
	EXPECT_EQ(s, create_error(pool, ".a", 1, BOTH), -EINVAL);
	EXPECT_EQ(s, create_error(pool, "a", 0, BOTH), -EINVAL);
	EXPECT_EQ(s, create_error(pool, "a",
				  FIXEDPOOL_MAX_CHANNEL_CAPACITY + 1, BOTH),
		  -EINVAL);
	EXPECT_EQ(s, create_error(pool, "a", 1, 0), -EINVAL);
	EXPECT_EQ(s, create_error(pool, "a", 1, FIXEDPOOL_CHANNEL_NONBLOCK),
		  -EINVAL);
	EXPECT_EQ(s, create_error(pool, NAME, 1, BOTH), -EEXIST);
	EXPECT_EQ(s, get_error(pool, "a", BOTH), -ENOENT);
	EXPECT_EQ(s, get_error(pool, NAME, 0), -EINVAL);
	EXPECT_EQ(s, get_error(pool, NAME, BOTH), 0);
	setting_end(&setting);
}

void a_channel_tells_that_a_side_has_gone(struct scenario *s)
{
	struct fixedpool_channel *in, *out;
	struct fixedpool *pool;
	u64 handle = 0;

	pool = scenario_pool(s, NAME, 64, BLOCKS);
	if (!pool)
		return;
	in = fixedpool_channel_create(pool, NAME, CAPACITY,
				      FIXEDPOOL_CHANNEL_WRITE);
	EXPECT(s, fixedpool_alloc(pool, &handle));
	/* nobody has come to read yet */
	EXPECT_EQ(s, fixedpool_channel_send(in, handle), 0);
	out = fixedpool_channel_get(pool, NAME, FIXEDPOOL_CHANNEL_READ);
	if (EXPECT_EQ(s, PTR_ERR_OR_ZERO(out), 0))
		fixedpool_channel_put(out, FIXEDPOOL_CHANNEL_READ);
	EXPECT_EQ(s, fixedpool_channel_send(in, handle), -EPIPE);

	out = fixedpool_channel_get(pool, NAME, FIXEDPOOL_CHANNEL_READ);
	fixedpool_channel_put(in, FIXEDPOOL_CHANNEL_WRITE);
	EXPECT_EQ(s, receive_error(out), 0);
	EXPECT_EQ(s, receive_error(out), -EPIPE);
	EXPECT_EQ(s, fixedpool_free(pool, handle), 0);
	fixedpool_channel_put(out, FIXEDPOOL_CHANNEL_READ);
	scenario_pool_end(s, pool);
}

/**
 * struct traffic - what a listener or another context does with a channel
 * @setting: the channel
 * @arrived: handles that the listener has received
 * @calls: how often it was called
 * @done: completed when the last of @wanted has arrived
 * @wanted: how many are to arrive
 * @work: brings a hard interrupt
 * @begun: whether somebody began; used where several could
 * @sent: handles sent from the other context
 */
struct traffic {
	struct setting setting;
	atomic_t arrived;
	atomic_t calls;
	struct completion done;
	int wanted;
	struct irq_work work;
	atomic_t begun;
	atomic_t sent;
};

static void receive_all(struct traffic *traffic)
{
	struct scenario *s = traffic->setting.s;
	u64 handle;

	while (!IS_ERR(fixedpool_channel_receive(traffic->setting.channel,
						 &handle))) {
		EXPECT_EQ(s, fixedpool_free(traffic->setting.pool, handle), 0);
		if (atomic_inc_return(&traffic->arrived) == traffic->wanted)
			complete(&traffic->done);
	}
}

static void traffic_arrived(struct fixedpool_channel *channel, void *data)
{
	struct traffic *traffic = data;

	EXPECT(traffic->setting.s, channel == traffic->setting.channel);
	EXPECT(traffic->setting.s,
	       in_hardirq() || IS_ENABLED(CONFIG_PREEMPT_RT));
	atomic_inc(&traffic->calls);
	receive_all(traffic);
}

static struct traffic *traffic_begin(struct scenario *s, int wanted)
{
	struct traffic *traffic = kzalloc(sizeof(*traffic), GFP_KERNEL);

	if (!EXPECT(s, traffic))
		return NULL;
	if (!setting_begin(&traffic->setting, s, 64, 16)) {
		kfree(traffic);
		return NULL;
	}
	init_completion(&traffic->done);
	traffic->wanted = wanted;
	return traffic;
}

static void traffic_end(struct traffic *traffic)
{
	setting_end(&traffic->setting);
	kfree(traffic);
}

/* A block or room may be short; then nothing is sent. */
static void send_one(struct traffic *traffic)
{
	struct setting *setting = &traffic->setting;
	u64 handle;

	if (!fixedpool_alloc(setting->pool, &handle))
		return;
	if (!fixedpool_channel_send(setting->channel, handle))
		atomic_inc(&traffic->sent);
	else
		EXPECT_EQ(setting->s, fixedpool_free(setting->pool, handle), 0);
}

void a_listener_is_called_when_handles_arrive(struct scenario *s)
{
	struct traffic *traffic = traffic_begin(s, 3);
	struct fixedpool_channel *channel;
	unsigned int calls;

	if (!traffic)
		return;
	channel = traffic->setting.channel;
	/* one before it listens, of which it is told as well */
	send_one(traffic);
	EXPECT_EQ(s, fixedpool_channel_listen(channel, traffic_arrived,
					      traffic), 0);
	EXPECT_EQ(s, fixedpool_channel_listen(channel, traffic_arrived,
					      traffic), -EBUSY);
	send_one(traffic);
	send_one(traffic);
	EXPECT(s, wait_for_completion_timeout(&traffic->done, 30 * HZ));
	fixedpool_channel_unlisten(channel);

	calls = atomic_read(&traffic->calls);
	EXPECT(s, calls >= 1 && calls <= 4);
	send_one(traffic);
	EXPECT_EQ(s, atomic_read(&traffic->arrived), 3);
	EXPECT_EQ(s, atomic_read(&traffic->calls), calls);
	receive_all(traffic);
	EXPECT_EQ(s, atomic_read(&traffic->arrived), 4);
	traffic_end(traffic);
}

static void send_in_irq_work(struct irq_work *work)
{
	struct traffic *traffic = container_of(work, struct traffic, work);

	EXPECT(traffic->setting.s, in_hardirq());
	send_one(traffic);
}

void a_hard_interrupt_sends(struct scenario *s)
{
	struct traffic *traffic = traffic_begin(s, 1);

	if (!traffic)
		return;
	EXPECT_EQ(s, fixedpool_channel_listen(traffic->setting.channel,
					      traffic_arrived, traffic), 0);
	traffic->work = IRQ_WORK_INIT_HARD(send_in_irq_work);
	EXPECT(s, irq_work_queue(&traffic->work));
	EXPECT(s, wait_for_completion_timeout(&traffic->done, 30 * HZ));
	irq_work_sync(&traffic->work);
	fixedpool_channel_unlisten(traffic->setting.channel);
	EXPECT_EQ(s, atomic_read(&traffic->sent), 1);
	traffic_end(traffic);
}

static void send_in_nmi(void *data)
{
	struct traffic *traffic = data;

	EXPECT(traffic->setting.s, in_nmi());
	if (!atomic_xchg(&traffic->begun, 1))
		send_one(traffic);
}

/* False, and everything is taken down, if there are no NMIs. */
static bool nmis_begin(struct traffic *traffic, void (*function)(void *data))
{
	struct scenario *s = traffic->setting.s;
	int err = nmi_begin(function, traffic);

	if (!err)
		return true;
	if (err == -EOPNOTSUPP)
		scenario_skip(s, "no NMI can be sent on this machine");
	else
		EXPECT_EQ(s, err, 0);
	traffic_end(traffic);
	return false;
}

void an_nmi_sends_and_the_listener_is_called(struct scenario *s)
{
	struct traffic *traffic = traffic_begin(s, 1);
	struct fixedpool_channel *channel;

	if (!traffic || !nmis_begin(traffic, send_in_nmi))
		return;
	channel = traffic->setting.channel;
	EXPECT_EQ(s, fixedpool_channel_listen(channel, traffic_arrived,
					      traffic), 0);
	EXPECT_EQ(s, nmi_send(), 0);
	EXPECT(s, wait_for_completion_timeout(&traffic->done, 30 * HZ));
	nmi_end();
	fixedpool_channel_unlisten(channel);
	EXPECT_EQ(s, atomic_read(&traffic->sent), 1);
	traffic_end(traffic);
}

static int send_and_receive(void *data)
{
	struct traffic *traffic = data;

	while (!kthread_should_stop()) {
		send_one(traffic);
		if (atomic_read(&traffic->sent) % 3)
			receive_all(traffic);
		cond_resched();
	}
	return 0;
}

/* On every CPU, in the midst of whatever the thread there does. */
static void send_and_receive_in_nmi(void *data)
{
	struct traffic *traffic = data;

	send_one(traffic);
	send_one(traffic);
	receive_all(traffic);
}

#define THREADS		2
#define NMIS		500

void threads_and_nmis_lose_no_handle(struct scenario *s)
{
	struct traffic *traffic = traffic_begin(s, INT_MAX);
	struct task_struct *threads[THREADS];
	int i;

	if (!traffic || !nmis_begin(traffic, send_and_receive_in_nmi))
		return;
	for (i = 0; i < THREADS; i++) {
		threads[i] = kthread_run(send_and_receive, traffic,
					 "fixedpool-traffic");
		EXPECT(s, !IS_ERR(threads[i]));
	}
	for (i = 0; i < NMIS; i++) {
		EXPECT_EQ(s, nmi_send(), 0);
		cond_resched();
	}
	for (i = 0; i < THREADS; i++)
		if (!IS_ERR(threads[i]))
			kthread_stop(threads[i]);
	nmi_end();
	receive_all(traffic);
	EXPECT_EQ(s, atomic_read(&traffic->arrived),
		  atomic_read(&traffic->sent));
	EXPECT(s, atomic_read(&traffic->sent) > NMIS);
	traffic_end(traffic);
}
