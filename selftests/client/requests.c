// SPDX-License-Identifier: GPL-2.0
/* See requests.h. */
#include "requests.h"

#include <linux/crc32.h>
#include <linux/string.h>

/**
 * struct request - a checksum to be verified
 * @work: in the worker's queue
 * @queue: whose request this is
 * @crc: of the payload
 * @payload: bytes
 */
struct request {
	struct work_struct work;
	struct request_queue *queue;
	u32 crc;
	u8 payload[REQUEST_PAYLOAD];
};

size_t request_size(void)
{
	return sizeof(struct request);
}

int request_queue_init(struct request_queue *queue, mempool_t *elements)
{
	*queue = (struct request_queue) { .elements = elements };
	/* makes progress without memory, as its elements do */
	queue->worker = alloc_workqueue("fixedpool_requests",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return queue->worker ? 0 : -ENOMEM;
}

/* Waits for all requests. */
void request_queue_exit(struct request_queue *queue)
{
	destroy_workqueue(queue->worker);
}

static void process(struct work_struct *work)
{
	struct request *request = container_of(work, struct request, work);
	struct request_queue *queue = request->queue;

	if (crc32_le(0, request->payload, REQUEST_PAYLOAD) != request->crc)
		atomic_inc(&queue->corrupt);
	mempool_free(request, queue->elements);
	atomic_inc(&queue->completed);
}

/**
 * request_submit - put in a request
 * @queue: the queue
 * @seed: of the payload
 * @gfp: with __GFP_DIRECT_RECLAIM waits for an element
 *
 * Return: 0 or -ENOMEM, never the latter with __GFP_DIRECT_RECLAIM
 */
int request_submit(struct request_queue *queue, u32 seed, gfp_t gfp)
{
	struct request *request = mempool_alloc(queue->elements, gfp);

	if (!request)
		return -ENOMEM;
	request->queue = queue;
	memset(request->payload, seed, REQUEST_PAYLOAD);
	memcpy(request->payload, &seed, sizeof(seed));
	request->crc = crc32_le(0, request->payload, REQUEST_PAYLOAD);
	INIT_WORK(&request->work, process);
	atomic_inc(&queue->submitted);
	queue_work(queue->worker, &request->work);
	return 0;
}
