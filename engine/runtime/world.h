/* SPDX-License-Identifier: Apache-2.0 */
/* All that the runtime asks of the machine below it: the time, to be woken, work off the loop, the
 * journal's files, plugin hosts. An engine opens the real one on its loop; the simulator brings one
 * of its own, which lies, loses and dies. */
#pragma once

#include "engine/base/vec.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/hostlink.h"
#include "engine/runtime/journal_io.h"

struct cut_world;

/* Something that takes its time. One start, then one done, before the next start. */
struct cut_work {
	void (*run)(void *data); /* off the loop: touches nothing that the loop touches meanwhile */
	void (*done)(void *data); /* on the loop, after run */
	void *data;
	void *running; /* the world's own */
};

struct cut_world_ops {
	cut_time (*boot)(const struct cut_world *world); /* as cut_clock_boot … */
	cut_time (*wall)(const struct cut_world *world);
	int (*boot_id)(const struct cut_world *world, char ret[37]);
	/* cut_world_ring is to be called at that point of the boot clock, or in the next turn where
	 * it has passed; replaces what was asked before; CUT_NEVER: not at all. */
	void (*wake)(struct cut_world *world, cut_time boot);
	int (*wallwatch_new)(struct cut_world *world, cut_wallwatch_fn *jumped, void *data,
			     struct cut_wallwatch **ret, struct cut_err *err);
	void (*wallwatch_free)(struct cut_wallwatch *watch);
	void (*work_start)(struct cut_world *world, struct cut_work *work);
	void (*work_await)(struct cut_work *work); /* blocks until run is over; once a start */

	/* As the functions of these names in hostlink.h. */
	int (*host_start)(struct cut_world *world, const struct cut_hostlink_options *options,
			  const struct cut_hostlink_events *events, struct cut_hostlink **ret,
			  struct cut_err *err);
	int (*host_call)(struct cut_hostlink *link, const struct cut_hostcall *call);
	void (*host_cancel)(struct cut_hostlink *link, uint64_t call);
	void (*host_saved)(struct cut_hostlink *link, uint64_t call, const json_t *first);
	void (*host_stop)(struct cut_hostlink *link);
};

/* One shot at a time, at a point of the boot clock; never early. */
typedef void cut_ring_fn(void *data);
struct cut_bell {
	struct cut_world *world;
	cut_ring_fn *ring;
	void *data;
	cut_time at;  /* CUT_NEVER: not set */
	bool idle;    /* no loop lives on for it; said once after it was made */
	uint64_t seq; /* in the order of their setting */
};

/* The first member of whatever a world is made of. */
struct cut_world {
	const struct cut_world_ops *ops;
	const struct cut_journal_io *files;
	struct uv_loop_s *loop; /* borrowed; NULL: simulated */
	struct {
		CUT_VEC(struct cut_bell *);
	} bells;      /* owned by those who made them */
	size_t alive; /* bells that are set and not idle: the loop lives on for them */
	uint64_t seq;
	cut_time wakes; /* what wake() was asked for */
	bool ringing;
};

/* The real world. Closed after everything that was made in it; memory goes once the loop has run.
 */
int cut_world_open(struct uv_loop_s *loop, struct cut_world **ret, struct cut_err *err);
void cut_world_close(struct cut_world *world); /* NULL-safe */

/* For those who implement a world. */
void cut_world_init(struct cut_world *world, const struct cut_world_ops *ops,
		    const struct cut_journal_io *files);
void cut_world_done(struct cut_world *world);
void cut_world_ring(struct cut_world *world); /* rings what is due */

struct cut_bell *cut_bell_new(struct cut_world *world, cut_ring_fn *ring, void *data);
/* Replaces what was set; CUT_NEVER: off; CUT_SOON: in the next turn, as any point that has passed.
 */
void cut_bell_set(struct cut_bell *bell, cut_time boot);
void cut_bell_free(struct cut_bell *bell); /* NULL-safe; also from within its ring */
#define CUT_SOON 0

static inline cut_time cut_world_boot(const struct cut_world *world)
{
	return world->ops->boot(world);
}

static inline cut_time cut_world_wall(const struct cut_world *world)
{
	return world->ops->wall(world);
}
