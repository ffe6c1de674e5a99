/* SPDX-License-Identifier: Apache-2.0 */
/* Plugin hosts as one thing to call, on a machine that starts them or does not. */
#include "engine/runtime/calls.h"

#include "engine/base/vec.h"
#include "engine/runtime/planner.h"
#include "tests/lib/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct cut_hostlink {
	struct cut_hostlink_events events;
	CUT_VEC(uint64_t); /* calls in flight */
	bool stopped;
};

static struct machine {
	struct cut_world world;
	cut_time now;
	bool refuses; /* no host can be started */
	bool up;      /* one is there */
	struct cut_hostlink host;
	unsigned starts, ready, done;
	enum cut_status status;
	bool sent;
} m;

static cut_time machine_boot(const struct cut_world *world)
{
	return m.now;
}

static void machine_wake(struct cut_world *world, cut_time boot)
{
}

static int host_start(struct cut_world *world, const struct cut_hostlink_options *options,
		      const struct cut_hostlink_events *events, struct cut_hostlink **ret,
		      struct cut_err *err)
{
	m.starts++;
	if (m.refuses)
		return cut_err_set(err, -EAGAIN, "too many", NULL, "no process to be had");
	m.up = true;
	m.host.events = *events;
	*ret = &m.host;
	return 0;
}

static int host_call(struct cut_hostlink *link, const struct cut_hostcall *call)
{
	if (link->stopped)
		return -EPIPE;
	cut_vec_push(link, call->id);
	return 0;
}

static void host_stop(struct cut_hostlink *link)
{
	link->stopped = true;
}

static const struct cut_world_ops ops = {
	.boot = machine_boot,
	.wake = machine_wake,
	.host_start = host_start,
	.host_call = host_call,
	.host_stop = host_stop,
};

static void on_ready(void *data, const struct cut_err *err)
{
	assert_null(err);
	m.ready++;
}

static void on_done(void *data, enum cut_status status, const char *text, json_t *result, bool sent)
{
	m.done++;
	m.status = status;
	m.sent = sent;
}

static void pass(cut_time ms)
{
	m.now += ms;
	for (int i = 0; i < 10; i++)
		cut_world_ring(&m.world);
}

static void host_dies(void)
{
	struct cut_err why = {0};

	cut_err_set(&why, -EPIPE, "killed", NULL, "the plugin host died");
	while (m.host.len)
		m.host.events.done(m.host.events.data, cut_vec_pop(&m.host), CUT_UNKNOWN, why.what,
				   NULL);
	m.up = false;
	m.host.events.gone(m.host.events.data, &why);
	cut_err_done(&why);
}

struct kit {
	struct cut_catalog catalog;
	struct cut_runbook *rb;
	struct cut_calls *calls;
};

static uint64_t call(struct kit *k)
{
	struct cut_calls_request request = {
		.action = k->rb->steps[0].body.action,
		.op = "apply",
		.step = "a",
		.timeout = CUT_MINUTE,
	};

	return cut_calls_call(k->calls, &request, &(struct cut_calls_handler){.done = on_done});
}

static int setup(void **state)
{
	struct kit *k = cut_new(struct kit);
	struct cut_calls_options options = {.world = &m.world, .run = "r", .lock_fd = -1};

	m = (struct machine){.now = 1000};
	cut_world_init(&m.world, &ops, NULL);
	k->rb = world_load("steps:\n"
			   "  - {id: a, uses: t.write}\n"
			   "  - id: more\n"
			   "    uses: t.write\n"
			   "    foreach: {items: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n",
			   &k->catalog);
	options.rb = k->rb;
	assert_int_equal(cut_calls_start(&options, on_ready, NULL, &k->calls, NULL), 0);
	assert_int_equal(m.starts, 0); /* from the loop only */
	pass(0);
	m.host.events.ready(m.host.events.data, NULL);
	assert_int_equal(m.ready, 1);
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	struct kit *k = *state;

	cut_calls_stop(k->calls);
	if (m.up)
		host_dies();
	cut_vec_done(&m.host);
	cut_world_done(&m.world);
	cut_runbook_free(k->rb);
	cut_catalog_done(&k->catalog);
	free(k);
	return 0;
}

static void test_a_call_whose_host_cannot_be_started_ends_from_the_loop(void **state)
{
	m.refuses = true;
	host_dies();
	call(*state);
	assert_int_equal(m.done, 0); /* not from within the call: whoever asked is not ready */
	pass(0);
	assert_int_equal(m.done, 1);
	assert_int_equal(m.status, CUT_FAIL);
	assert_false(m.sent);
	pass(0);
	assert_int_equal(m.starts, 1 + 3); /* and then a pause */
}

static void test_after_the_pause_a_host_is_started_and_gets_what_waits(void **state)
{
	m.refuses = true;
	host_dies();
	call(*state);
	pass(0);
	m.refuses = false;
	call(*state);
	pass(5 * CUT_SECOND);
	m.host.events.ready(m.host.events.data, NULL);
	assert_int_equal(m.host.len, 1);
	assert_int_equal(m.done, 1);
	host_dies();
	assert_int_equal(m.done, 2);
	assert_int_equal(m.status, CUT_UNKNOWN);
	assert_true(m.sent);
	pass(10 * CUT_MINUTE);
}

static void test_who_has_gone_away_is_not_told_the_end(void **state)
{
	cut_calls_forget(call(*state));
	host_dies();
	pass(0);
	assert_int_equal(m.done, 0);
}

static void on_plans(void *data, json_t *plans)
{
	m.done++;
	assert_int_equal(json_object_size(plans), *(size_t *)data);
}

static void test_a_plan_is_given_up_once_nobody_can_be_asked_any_more(void **state)
{
	struct kit *k = *state;
	size_t asked;

	for (uint32_t i = 0; i < k->rb->steps_len; i++)
		k->rb->steps[i].body.ops |= CUT_HAS_PLAN;
	cut_planner_start(k->calls, k->rb, CUT_MINUTE, on_plans, &asked);
	asked = m.host.len;
	assert_in_range(asked, 1, k->rb->steps_len - 1);
	cut_calls_stop(cut_take(k->calls));
	assert_int_equal(m.done, 0);
	host_dies();
	assert_int_equal(m.done, 1);
}

static void note_quiet(void *data)
{
	assert_int_equal(m.done, 1);
	++*(int *)data;
}

static void test_quiet_is_told_once_when_the_last_call_is_done(void **state)
{
	struct kit *k = *state;
	int quiet = 0;

	call(k);
	cut_calls_when_quiet(k->calls, note_quiet, &quiet);
	pass(CUT_MINUTE);
	assert_int_equal(quiet, 0);
	host_dies();
	assert_int_equal(quiet, 0); /* from the loop only */
	pass(0);
	assert_int_equal(quiet, 1);
	pass(CUT_MINUTE);
	assert_int_equal(quiet, 1);
	cut_calls_when_quiet(k->calls, note_quiet, &quiet);
	pass(0);
	assert_int_equal(quiet, 2); /* none was open */
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_call_whose_host_cannot_be_started_ends_from_the_loop),
		T(test_after_the_pause_a_host_is_started_and_gets_what_waits),
		T(test_who_has_gone_away_is_not_told_the_end),
		T(test_a_plan_is_given_up_once_nobody_can_be_asked_any_more),
		T(test_quiet_is_told_once_when_the_last_call_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
