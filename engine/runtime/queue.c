/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues in arrays that are wound back when they have run empty. */
#include "engine/runtime/queue.h"

/* Only outcomes and saves arise within a feed, so only they are copied in full. */
void cut_queue_event(struct cut_queue *queue, const struct cut_event *ev)
{
	struct cut_event copy = *ev;

	if (ev->type == CUT_EV_OUTCOME) {
		copy.outcome.text = cut_strdup(ev->outcome.text);
		json_incref(ev->outcome.data);
	} else if (ev->type == CUT_EV_SAVED) {
		json_incref(ev->saved.state);
	}
	cut_vec_push(&queue->events, copy);
}

void cut_queue_event_done(struct cut_event *ev)
{
	if (ev->type == CUT_EV_OUTCOME) {
		free((char *)ev->outcome.text);
		json_decref(ev->outcome.data);
	} else if (ev->type == CUT_EV_SAVED) {
		json_decref(ev->saved.state);
	}
}

void cut_queue_check(struct cut_queue *queue, uint32_t step, unsigned attempt)
{
	cut_vec_push(&queue->checks, (struct cut_queued_check){step, attempt});
}

bool cut_queue_is_empty(const struct cut_queue *queue)
{
	return queue->events.len == 0 && queue->checks.len == 0;
}

/* By macro, because the queues differ in type only. */
#define TAKE(list, ret)                                                                            \
	do {                                                                                       \
		if ((list)->len == 0)                                                              \
			return false;                                                              \
		*(ret) = (list)->items[(list)->next++];                                            \
		if ((list)->next == (list)->len)                                                   \
			(list)->next = (list)->len = 0;                                            \
		return true;                                                                       \
	} while (0)

bool cut_queue_next_event(struct cut_queue *queue, struct cut_event *ret)
{
	TAKE(&queue->events, ret);
}

bool cut_queue_next_check(struct cut_queue *queue, struct cut_queued_check *ret)
{
	TAKE(&queue->checks, ret);
}

void cut_queue_done(struct cut_queue *queue)
{
	struct cut_event ev;

	while (cut_queue_next_event(queue, &ev))
		cut_queue_event_done(&ev);
	cut_vec_done(&queue->events);
	cut_vec_done(&queue->checks);
}
