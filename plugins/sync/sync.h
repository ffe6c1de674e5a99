/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations of this plugin share: the plugin's own memory and the two databases that an
 * operation is about. Included by every file that has an operation. */
#pragma once

#include "sync/pg.h"

struct heartbeats; /* heartbeat.h */

struct sync {
	struct pg_pool *pool;
	struct heartbeats
		*heartbeats; /* owned: one for each pair of databases that was asked for */
};

/* The parameters of every operation here. */
#define SYNC_PAIR_PARAMS                                                                            \
	{"blue", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "sync", "the side written to"},            \
		{"green", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "sync", "the side that follows"}, \
	{                                                                                           \
		"id", CUT_T_INT, 0, "1", "0..2147483647", "which row of cutover_heartbeat"          \
	}

struct pair;
/* failed is NULL when both are there. */
typedef void pair_fn(struct pair *pair, const struct pg_reply *failed);
typedef void later_fn(void *owner);

/* The first member of what call->data points to: the two databases, taken for this call. */
struct pair {
	struct cut_call *call;
	struct pg *blue, *green;
	pair_fn *opened;
	unsigned awaited;
	later_fn *later;
	void *later_owner;
	void (*cancel)(struct pair *pair); /* ends the call */
};

void pair_open(struct pair *pair, struct cut_call *call, pair_fn *opened);
void pair_close(struct pair *pair); /* may be opened again */
/* The operation `cancel` of whatever is under way. */
void pair_cancel(struct cut_call *call);
/* One at a time; dies with the call. */
void pair_later(struct pair *pair, int64_t ms, later_fn *fn, void *owner);

/* ms that the call has left to do its work and still say how it went. */
int64_t call_left_ms(struct cut_call *call);
const char *call_text(const struct cut_call *call, const char *param);
double call_number(const struct cut_call *call, const char *param, double fallback);
/* Boot-time clock; nothing here trusts any other machine's clock. */
int64_t sync_now_us(void);

void sync_plan(struct cut_call *call); /* plan.c: of every action */

extern const struct cut_meter sync_meter_lag;
extern const struct cut_action sync_lag, sync_wait_caught_up, sync_compare;
