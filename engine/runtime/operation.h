/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of a run that are on their way: waiting for the disk, at a plugin host, or between
 * two tries of a poll. One a step at most. Owned by the driver. */
#pragma once

#include "engine/core/effect.h"
#include "engine/runtime/calls.h"

struct cut_operations;

/* How an operation ended; called exactly once for each, from the loop. data is borrowed. */
struct cut_operation_end {
	uint32_t step;
	enum cut_op op;
	unsigned attempt;
	enum cut_status status;
	const char *text;
	json_t *data;
	bool not_sent; /* it cannot have had an effect */
	double duration_s;
};

struct cut_operations_events {
	void (*end)(void *data, const struct cut_operation_end *end);
	void (*save)(void *data, uint32_t step, json_t *state);
	void *data;
};

struct cut_operations *cut_operations_new(struct cut_world *world, const struct cut_runbook *rb,
					  struct cut_calls *calls,
					  const struct cut_operations_events *events);
void cut_operations_free(struct cut_operations *ops);

/* Starts what a CUT_FX_CALL asks for, once everything up to after_seq is durable (0: at once).
 * Takes fx->call.params. */
void cut_operations_start(struct cut_operations *ops, struct cut_effect *fx, uint64_t after_seq);
void cut_operations_cancel(struct cut_operations *ops, uint32_t step);
void cut_operations_synced(struct cut_operations *ops, uint64_t seq);
/* What the step saved is durable; first is what it keeps. */
void cut_operations_saved(struct cut_operations *ops, uint32_t step, const json_t *first);
size_t cut_operations_in_flight(const struct cut_operations *ops);
