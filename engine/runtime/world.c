/* SPDX-License-Identifier: Apache-2.0 */
/* The real world: the machine's clocks, one alarm for all bells, libuv's thread pool for the disk,
 * cutover-host processes. */
#include "engine/runtime/world.h"

#include "engine/base/rank.h"

#include <stdbool.h>
#include <uv.h>

struct real {
	struct cut_world world;
	struct cut_alarm *alarm;
	uv_idle_t soon; /* the next turn, for which no alarm is needed */
};

static cut_time real_boot(const struct cut_world *world)
{
	return cut_clock_boot();
}

static cut_time real_wall(const struct cut_world *world)
{
	return cut_clock_wall();
}

static int real_boot_id(const struct cut_world *world, char ret[37])
{
	return cut_clock_boot_id(ret);
}

static void on_soon(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	cut_world_ring(&cut_container(idle, struct real, soon)->world);
}

static void real_wake(struct cut_world *world, cut_time boot)
{
	struct real *real = (struct real *)world;

	if (boot == CUT_SOON) {
		uv_idle_start(&real->soon, on_soon);
		return;
	}
	cut_alarm_set(real->alarm, boot);
	cut_alarm_keep(real->alarm, world->alive > 0);
}

static void on_alarm(void *data)
{
	cut_world_ring(data);
}

static int real_wallwatch_new(struct cut_world *world, cut_wallwatch_fn *jumped, void *data,
			      struct cut_wallwatch **ret, struct cut_err *err)
{
	return cut_wallwatch_new(world->loop, jumped, data, ret, err);
}

struct running {
	struct cut_work *work;
	uv_work_t job;
	uv_sem_t finished;
};

static void on_job(uv_work_t *job)
{
	static _Thread_local bool ranked;
	struct running *r = cut_container(job, struct running, job);

	if (!ranked)
		cut_rank_take(CUT_RANK_OF_ENGINE);
	ranked = true;
	r->work->run(r->work->data);
	uv_sem_post(&r->finished);
}

static void on_job_done(uv_work_t *job, int status)
{
	struct running *r = cut_container(job, struct running, job);
	struct cut_work *work = r->work;

	uv_sem_destroy(&r->finished);
	free(r);
	work->running = NULL;
	work->done(work->data);
}

static void real_work_start(struct cut_world *world, struct cut_work *work)
{
	struct running *r = cut_new(struct running);

	r->work = work;
	work->running = r;
	uv_sem_init(&r->finished, 0);
	uv_queue_work(world->loop, &r->job, on_job, on_job_done);
}

static void real_work_await(struct cut_work *work)
{
	uv_sem_wait(&((struct running *)work->running)->finished);
}

static int real_host_start(struct cut_world *world, const struct cut_hostlink_options *options,
			   const struct cut_hostlink_events *events, struct cut_hostlink **ret,
			   struct cut_err *err)
{
	return cut_hostlink_start(world->loop, options, events, ret, err);
}

static const struct cut_world_ops real_ops = {
	.boot = real_boot,
	.wall = real_wall,
	.boot_id = real_boot_id,
	.wake = real_wake,
	.wallwatch_new = real_wallwatch_new,
	.wallwatch_free = cut_wallwatch_free,
	.work_start = real_work_start,
	.work_await = real_work_await,
	.host_start = real_host_start,
	.host_call = cut_hostlink_call,
	.host_cancel = cut_hostlink_cancel,
	.host_saved = cut_hostlink_saved,
	.host_stop = cut_hostlink_stop,
};

int cut_world_open(struct uv_loop_s *loop, struct cut_world **ret, struct cut_err *err)
{
	struct real *real = cut_new(struct real);
	int r;

	cut_world_init(&real->world, &real_ops, &cut_journal_io_system);
	real->world.loop = loop;
	r = cut_alarm_new(loop, on_alarm, real, &real->alarm, err);
	if (r < 0) {
		free(real);
		return r;
	}
	cut_alarm_keep(real->alarm, false);
	uv_idle_init(loop, &real->soon);
	*ret = &real->world;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(cut_container((uv_idle_t *)handle, struct real, soon));
}

void cut_world_close(struct cut_world *world)
{
	struct real *real = (struct real *)world;

	if (!world)
		return;
	cut_alarm_free(real->alarm);
	cut_world_done(world);
	uv_close((uv_handle_t *)&real->soon, on_closed);
}
