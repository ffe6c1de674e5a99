/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that say nothing: one that never gets ready, one that gets ready and then hangs. Both wait
 * for real, side by side. */
#include "engine/runtime/hostlink.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

enum { GREETING_S = 10, PING_S = 5, PONG_S = 10, SLACK_S = 20 };

struct silent {
	struct cut_hostlink *link;
	pid_t pid;
	uint64_t begin, end; /* ns */
	char *why;
};

static void on_ready(void *data, const json_t *descriptor)
{
}

static void on_done(void *data, uint64_t call, enum cut_status status, const char *text,
		    json_t *result)
{
	fail_msg("no call was made");
}

static void on_gone(void *data, const struct cut_err *why)
{
	struct silent *s = data;

	s->end = uv_hrtime();
	s->why = cut_err_text(why);
}

static void start(uv_loop_t *loop, struct silent *s, const char *behaviour)
{
	struct cut_hostlink_events events = {
		.ready = on_ready, .done = on_done, .gone = on_gone, .data = s};
	struct cut_hostlink_options options = {.host_path = getenv("CUT_TEST_FAKE_HOST"),
					       .plugin = behaviour,
					       .folder = "/",
					       .run = "r",
					       .lock_fd = -1,
					       .log_fd = -1};

	assert_non_null(options.host_path);
	uv_update_time(loop);
	s->begin = uv_hrtime();
	assert_int_equal(cut_hostlink_start(loop, &options, &events, &s->link, NULL), 0);
	while ((s->pid = cut_hostlink_pid(s->link)) == 0)
		uv_run(loop, UV_RUN_ONCE);
}

static void test_silent_hosts_are_killed_when_their_time_is_up(void **state)
{
	const struct {
		const char *behaviour, *why;
		unsigned after_s;
	} rows[] = {
		{"never_ready", "it did not get ready within 10 s", GREETING_S},
		{"deaf", "it hangs: no answer to a ping within 10 s", PING_S + PONG_S},
	};
	struct silent hosts[CUT_ARRAY_LEN(rows)] = {0};
	uv_loop_t loop;

	uv_loop_init(&loop);
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++)
		start(&loop, &hosts[i], rows[i].behaviour);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		assert_non_null(strstr(hosts[i].why, rows[i].why));
		assert_in_range((hosts[i].end - hosts[i].begin) / 1000000000, rows[i].after_s,
				rows[i].after_s + SLACK_S);
		assert_int_equal(kill(hosts[i].pid, 0), -1);
		free(hosts[i].why);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_hosts_are_killed_when_their_time_is_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
