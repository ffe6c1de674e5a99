/* SPDX-License-Identifier: Apache-2.0 */
/* The bells of a world, real or simulated. They ring in the order of their times, and among equal
 * ones in the order in which they were set. */
#include "engine/runtime/world.h"

void cut_world_init(struct cut_world *world, const struct cut_world_ops *ops,
		    const struct cut_journal_io *files)
{
	*world = (struct cut_world){.ops = ops, .files = files, .wakes = CUT_NEVER};
}

void cut_world_done(struct cut_world *world)
{
	cut_vec_done(&world->bells);
}

/* The next one to ring of those set up to seq, or NULL. There are few: those of the engine, and one
 * for each metric and each poll that pauses. */
static struct cut_bell *next_bell(const struct cut_world *world, uint64_t seq)
{
	struct cut_bell *next = NULL;

	cut_vec_foreach (&world->bells, bell) {
		struct cut_bell *t = *bell;

		if (t->at != CUT_NEVER && t->seq <= seq &&
		    (!next || t->at < next->at || (t->at == next->at && t->seq < next->seq)))
			next = t;
	}
	return next;
}

static void wake_at(struct cut_world *world, cut_time at)
{
	world->wakes = at;
	world->ops->wake(world, at);
}

void cut_world_ring(struct cut_world *world)
{
	const cut_time now = cut_world_boot(world);
	const uint64_t seq = world->seq; /* what is set meanwhile waits for the next turn */
	struct cut_bell *bell;

	world->ringing = true;
	while ((bell = next_bell(world, seq)) && bell->at <= now) {
		bell->at = CUT_NEVER;
		world->alive -= !bell->idle;
		bell->ring(bell->data);
	}
	world->ringing = false;
	bell = next_bell(world, UINT64_MAX);
	wake_at(world, bell ? bell->at : CUT_NEVER);
}

struct cut_bell *cut_bell_new(struct cut_world *world, cut_ring_fn *ring, void *data)
{
	struct cut_bell *bell = cut_new(struct cut_bell);

	*bell = (struct cut_bell){.world = world, .ring = ring, .data = data, .at = CUT_NEVER};
	cut_vec_push(&world->bells, bell);
	return bell;
}

/* A wake that nothing needs any more stays: it costs less than to look for the next. */
void cut_bell_set(struct cut_bell *bell, cut_time boot)
{
	struct cut_world *world = bell->world;
	const bool was_alive = world->alive > 0;

	if (bell->at == boot)
		return;
	if (!bell->idle)
		world->alive += (boot != CUT_NEVER) - (bell->at != CUT_NEVER);
	bell->at = boot;
	bell->seq = ++world->seq;
	if (!world->ringing && (boot < world->wakes || was_alive != (world->alive > 0)))
		wake_at(world, boot < world->wakes ? boot : world->wakes);
}

void cut_bell_free(struct cut_bell *bell)
{
	if (!bell)
		return;
	cut_bell_set(bell, CUT_NEVER);
	for (size_t i = 0; i < bell->world->bells.len; i++) {
		if (bell->world->bells.items[i] == bell) {
			cut_vec_remove(&bell->world->bells, i);
			break;
		}
	}
	free(bell);
}
