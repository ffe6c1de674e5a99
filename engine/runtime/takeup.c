/* SPDX-License-Identifier: Apache-2.0 */
/* The steps from a replayed journal to an engine that drives on. */
#include "engine/runtime/takeup.h"

#include "engine/base/log.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/orphans.h"

#include <string.h>

#define ORPHANS_WAIT (5 * CUT_SECOND) /* for them to die */

struct left {
	const struct cut_run *run;
	const struct cut_runbook *rb;
};

static bool in_flight(void *data, const char *step, unsigned attempt)
{
	const struct left *left = data;
	uint32_t i = cut_runbook_address(left->rb, step);
	struct cut_step_view view;

	if (i == CUT_NONE)
		return false;
	cut_run_step_view(left->run, i, &view);
	return view.state == CUT_STEP_ROLLING_BACK ||
	       (attempt == view.attempt &&
		(view.state == CUT_STEP_RUNNING || view.state == CUT_STEP_VERIFYING ||
		 view.state == CUT_STEP_UNKNOWN));
}

int cut_takeup_orphans(const struct cut_run *run, const struct cut_runbook *rb, const char *run_id,
		       struct cut_err *err)
{
	struct left left = {run, rb};

	return cut_orphans_end(run_id, in_flight, &left, cut_clock_boot() + ORPHANS_WAIT, err);
}

int cut_takeup_journal(struct cut_world *world, const char *dir, const struct cut_replay *replay,
		       unsigned *ret_epoch, struct cut_journal **ret, struct cut_err *err)
{
	unsigned epoch = replay->scan.epoch + 1;
	struct cut_journal *journal;
	int r;

	r = cut_journal_open(world, dir, &replay->scan, epoch, &journal, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < replay->missing.len; i++)
		cut_journal_append(journal, replay->missing.items[i],
				   strlen(replay->missing.items[i]));
	*ret_epoch = epoch;
	*ret = journal;
	return 0;
}

/* How long nobody drove, and whether the boot clock is still the one of the records. */
static cut_time gap(const struct cut_world *world, const struct cut_replay *replay,
		    bool *ret_same_boot)
{
	cut_time at = (cut_time)cut_json_int(replay->boot, "boot_ms", 0);
	cut_time t = (cut_time)cut_json_int(replay->boot, "t", 0);
	char now[37] = "";
	cut_time away;

	world->ops->boot_id(world, now);
	*ret_same_boot = strcmp(cut_json_str(replay->boot, "boot_id", ""), now) == 0;
	if (*ret_same_boot)
		return cut_world_boot(world) - (at - t) - replay->t;
	away = cut_world_wall(world) - replay->wall;
	return away > 0 ? away : 0;
}

cut_time cut_takeup_zero(const struct cut_world *world, const struct cut_replay *replay)
{
	bool same_boot;

	return cut_world_boot(world) - replay->t - gap(world, replay, &same_boot);
}

/* What the crash left half written was never promised; that it was cut is told all the same. */
static void note_torn_tail(const struct cut_journal_scan *scan, struct cut_driver *driver)
{
	cut_auto(cut_str) char *text = cut_printf(
		"cut a torn tail off the journal at record %llu (%s): it had never been promised",
		(unsigned long long)scan->bad_seq, scan->bad_why);
	struct cut_event ev = {.type = CUT_EV_NOTE, .note = {.text = text}};

	cut_log(CUT_LOG_WARN, "torn_tail", "seq=%llu", (unsigned long long)scan->bad_seq);
	cut_driver_feed(driver, &ev, NULL, NULL);
}

/* The clock may have been set while nobody watched it. */
static void note_jump(const struct cut_world *world, const struct cut_replay *replay, cut_time gap,
		      struct cut_driver *driver)
{
	cut_time boot = cut_world_boot(world), base = replay->wall - (boot - gap);
	struct cut_event ev = {.type = CUT_EV_CLOCK};

	ev.clock.jump = cut_wall_jump(cut_world_wall(world), boot, &base);
	if (ev.clock.jump)
		cut_driver_feed(driver, &ev, NULL, NULL);
}

static const char *digest_of(const json_t *plugins, const char *name)
{
	const json_t *plugin;
	size_t i;

	json_array_foreach ((json_t *)plugins, i, plugin)
		if (strcmp(cut_json_str(plugin, "plugin", ""), name) == 0)
			return cut_json_str(plugin, "digest", NULL);
	return NULL;
}

/* An upgrade in the middle of a run is on record: who recovers it goes on with what is there. */
static void note_plugins(struct cut_driver *driver)
{
	const json_t *armed = cut_run_armed(cut_driver_run(driver)), *plugin;
	cut_auto(cut_json) json_t *now = cut_calls_describe(cut_driver_options(driver)->calls);
	size_t i;

	json_array_foreach (now, i, plugin) {
		const char *name = cut_json_str(plugin, "plugin", "");
		const char *digest = cut_json_str(plugin, "digest", "");
		const char *was = digest_of(json_object_get(armed, "plugins"), name);
		cut_auto(cut_str) char *text =
			cut_printf("goes on with another plugin %s than was armed: %s %s", name,
				   cut_json_str(plugin, "version", ""), digest);
		struct cut_event ev = {.type = CUT_EV_NOTE, .note = {.text = text}};

		if (was && strcmp(digest, was) != 0)
			cut_driver_feed(driver, &ev, NULL, NULL);
	}
}

static int tell_machines(struct cut_world *world, const struct cut_replay *replay,
			 struct cut_driver *driver, struct cut_err *err)
{
	struct cut_event ev = {.type = CUT_EV_RESUMED};
	char boot_id[37] = "";
	int r;

	world->ops->boot_id(world, boot_id);
	ev.resumed.epoch = cut_driver_options(driver)->epoch;
	ev.resumed.boot_id = boot_id;
	ev.resumed.boot_ms = cut_world_boot(world);
	ev.resumed.gap = gap(world, replay, &ev.resumed.same_boot);
	r = cut_driver_feed(driver, &ev, NULL, err);
	if (r < 0)
		return r;
	if (ev.resumed.same_boot)
		note_jump(world, replay, ev.resumed.gap, driver);
	if (replay->scan.fault == CUT_JOURNAL_TORN)
		note_torn_tail(&replay->scan, driver);
	note_plugins(driver);
	return 0;
}

int cut_takeup_go_on(struct cut_world *world, const struct cut_replay *replay,
		     struct cut_driver *driver, struct cut_err *err)
{
	/* Nothing follows the final record, which only its engine's end may lack. */
	bool final = cut_run_state(cut_driver_run(driver)) >= CUT_RUN_ACCEPTED;
	int r = final ? 0 : tell_machines(world, replay, driver, err);

	if (r == 0)
		cut_driver_start(driver);
	return r;
}
