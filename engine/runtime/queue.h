/* SPDX-License-Identifier: Apache-2.0 */
/* What arises while the driver is in the middle of an event: other events, checks to evaluate. They
 * wait here for their turn, events first. Owned by the driver. */
#pragma once

#include "engine/base/vec.h"
#include "engine/core/event.h"

struct cut_queued_check {
	uint32_t step;
	unsigned attempt;
};

struct cut_queue { /* {0} is empty */
	struct {
		CUT_VEC(struct cut_event); /* owned copies */
		size_t next;
	} events;
	struct {
		CUT_VEC(struct cut_queued_check);
		size_t next;
	} checks;
};

void cut_queue_event(struct cut_queue *queue, const struct cut_event *ev); /* copies */
void cut_queue_check(struct cut_queue *queue, uint32_t step, unsigned attempt);
bool cut_queue_is_empty(const struct cut_queue *queue);
/* Takes the next one out; false: there is none. An event is then the caller's. */
bool cut_queue_next_event(struct cut_queue *queue, struct cut_event *ret);
bool cut_queue_next_check(struct cut_queue *queue, struct cut_queued_check *ret);
void cut_queue_event_done(struct cut_event *ev);
void cut_queue_done(struct cut_queue *queue);
