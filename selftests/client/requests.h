/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request queue as a driver has it, written for mempool_t and nothing else:
 * each request is an element of a mempool, is processed by a worker later, and
 * frees itself. Where the elements come from is the caller's business.
 */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <linux/atomic.h>
#include <linux/mempool.h>
#include <linux/workqueue.h>

#define REQUEST_PAYLOAD	480

/**
 * struct request_queue - requests on their way
 * @elements: the requests come from here, and go back there
 * @worker: processes them
 * @submitted: requests put in
 * @completed: requests processed
 * @corrupt: those of them whose payload was not what was put in
 */
struct request_queue {
	mempool_t *elements;
	struct workqueue_struct *worker;
	atomic_t submitted;
	atomic_t completed;
	atomic_t corrupt;
};

size_t request_size(void);
int request_queue_init(struct request_queue *queue, mempool_t *elements);
void request_queue_exit(struct request_queue *queue);
int request_submit(struct request_queue *queue, u32 seed, gfp_t gfp);

#endif /* REQUESTS_H */
