/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of the link against the real cutover-host, and against one that misbehaves
 * (tests/plugin/fakehost.py). */
#include "engine/runtime/hostlink.h"

#include "engine/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { CALLS_MAX = 1024, LONG_MS = 60000 };

struct world {
	uv_loop_t loop;
	uv_timer_t limit;
	struct cut_hostlink *link;
	bool ready, gone, stop_when_ready;
	json_t *descriptor, *saved_answer;
	unsigned done, want;
	uint64_t last_id;
	enum cut_status status[CALLS_MAX];
	char *text, *gone_why, *progress;
	json_t *data, *saved;
	int log; /* where the host's words go to */
};

static void on_ready(void *data, const json_t *descriptor)
{
	struct world *w = data;

	w->ready = true;
	w->descriptor = json_deep_copy(descriptor);
	if (w->stop_when_ready)
		uv_stop(&w->loop);
}

static void on_done(void *data, uint64_t call, enum cut_status status, const char *text,
		    json_t *result)
{
	struct world *w = data;

	assert_true(call < CALLS_MAX);
	w->last_id = call;
	w->status[call] = status;
	free(w->text);
	w->text = cut_strdup(text);
	json_decref(w->data);
	w->data = json_deep_copy(result);
	if (++w->done == w->want)
		uv_stop(&w->loop);
}

static void on_save(void *data, uint64_t call, json_t *state)
{
	struct world *w = data;

	w->saved = json_deep_copy(state);
	cut_hostlink_saved(w->link, call, w->saved_answer ? w->saved_answer : state);
}

static void on_progress(void *data, uint64_t call, double fraction, const char *text)
{
	struct world *w = data;

	free(w->progress);
	w->progress = cut_strdup(text);
}

static void on_gone(void *data, const struct cut_err *why)
{
	struct world *w = data;

	w->gone = true;
	w->gone_why = cut_err_text(why);
	uv_stop(&w->loop);
}

static void on_limit(uv_timer_t *timer)
{
	fail_msg("nothing happened for %d s", LONG_MS / 1000);
}

static void run(struct world *w)
{
	uv_update_time(&w->loop);
	uv_timer_start(&w->limit, on_limit, LONG_MS, 0);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&w->limit);
}

/* Turns until the host is there; what it is asked then has its whole time. */
static void wait_ready(struct world *w)
{
	w->stop_when_ready = true;
	run(w);
	w->stop_when_ready = false;
	assert_true(w->ready);
}

static const char *host_path(bool fake)
{
	const char *path = getenv(fake ? "CUT_TEST_FAKE_HOST" : "CUT_TEST_HOST");

	assert_non_null(path);
	return path;
}

static struct world *start(const char *fake, const char *plugin)
{
	static const struct cut_hostlink_events events = {.ready = on_ready,
							  .done = on_done,
							  .save = on_save,
							  .progress = on_progress,
							  .gone = on_gone};
	cut_auto(cut_json) json_t *secrets = json_pack("{s:s}", "token", "s3cret-value");
	struct world *w = cut_new(struct world);
	struct cut_hostlink_events mine = events;
	int log = memfd_create("log", MFD_CLOEXEC);
	struct cut_hostlink_options options = {
		.host_path = host_path(fake != NULL),
		.plugin = fake ? fake : plugin,
		.folder = "/",
		.run = "20261122T000000Z-test-0000",
		.secrets = secrets,
		.lock_fd = -1,
		.log_fd = getenv("CUT_TEST_LOG") ? STDERR_FILENO : log,
	};

	mine.data = w;
	w->log = log;
	uv_loop_init(&w->loop);
	uv_timer_init(&w->loop, &w->limit);
	assert_int_equal(cut_hostlink_start(&w->loop, &options, &mine, &w->link, NULL), 0);
	while (!cut_hostlink_pid(w->link))
		uv_run(&w->loop, UV_RUN_ONCE);
	return w;
}

static void call(struct world *w, uint64_t id, const char *action, const char *op, cut_time timeout,
		 json_t *params)
{
	struct cut_hostcall c = {.id = id,
				 .action = action,
				 .op = op,
				 .step = "step_a",
				 .key = "key1",
				 .attempt = 1,
				 .timeout = timeout,
				 .params = params};

	assert_non_null(params);
	assert_int_equal(cut_hostlink_call(w->link, &c), 0);
	json_decref(params);
	w->want++;
}

static json_t *argv(const char *script)
{
	return json_pack("{s:[s,s,s]}", "argv", "/bin/sh", "-c", script);
}

static void finish(struct world *w)
{
	if (!w->gone) {
		cut_hostlink_stop(w->link);
		run(w);
	}
	assert_true(w->gone);
	uv_close((uv_handle_t *)&w->limit, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	close(w->log);
	free(w->text);
	free(w->gone_why);
	free(w->progress);
	json_decref(w->descriptor);
	json_decref(w->data);
	json_decref(w->saved);
	free(w);
}

static bool is_alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void test_host_describes_its_plugin_when_ready(void **state)
{
	struct world *w = start(NULL, NULL);

	wait_ready(w);
	assert_string_equal(cut_json_str(w->descriptor, "name", ""), "core");
	assert_int_equal(strlen(cut_json_str(w->descriptor, "digest", "")), 64);
	finish(w);
}

static void test_call_ends_with_outputs(void **state)
{
	struct world *w = start(NULL, NULL);

	call(w, 1, "exec", "apply", LONG_MS, argv("echo $CUTOVER_STEP $CUTOVER_KEY; exit 0"));
	run(w);
	assert_int_equal(w->status[1], CUT_OK);
	assert_string_equal(cut_json_str(w->data, "stdout", ""), "step_a key1\n");
	assert_int_equal(cut_json_int(w->data, "exit_code", -1), 0);
	finish(w);
}

static void test_many_calls_share_the_link(void **state)
{
	struct world *w = start(NULL, NULL);

	for (uint64_t id = 0; id < 200; id++)
		if (id < 20) /* while it starts processes the host answers no ping */
			call(w, id, "exec", "apply", LONG_MS,
			     json_pack("{s:[s]}", "argv", id % 2 ? "true" : "false"));
		else
			call(w, id, "drill", "apply", LONG_MS,
			     json_pack("{s:s}", "do", id % 2 ? "ok" : "fail"));
	run(w);
	assert_int_equal(w->done, 200);
	for (uint64_t id = 0; id < 200; id++)
		assert_int_equal(w->status[id], id % 2 ? CUT_OK : CUT_FAIL);
	finish(w);
}

static void test_unknown_actions_and_operations_fail_their_call_only(void **state)
{
	struct world *w = start(NULL, NULL);

	call(w, 1, "exce", "apply", LONG_MS, argv("true"));
	call(w, 2, "exec", "rollback", LONG_MS, argv("true"));
	run(w);
	assert_int_equal(w->status[1], CUT_FAIL);
	assert_int_equal(w->status[2], CUT_FAIL);
	assert_non_null(strstr(w->text, "has no operation rollback"));
	assert_false(w->gone);
	finish(w);
}

/* False: the host was late, and killed. */
static bool is_killed_in_time(void)
{
	struct world *w = start(NULL, NULL);
	uint64_t begin;
	bool in_time;

	wait_ready(w);
	begin = uv_hrtime();
	call(w, 1, "exec", "apply", 300, argv("sleep 1000 & sleep 1000"));
	run(w);
	in_time = w->status[1] == CUT_FAIL;
	if (in_time) {
		assert_non_null(strstr(w->text, "killed"));
		assert_in_range((uv_hrtime() - begin) / 1000000, 290, LONG_MS);
		assert_false(w->gone);
	}
	finish(w);
	return in_time;
}

/* A host is late, too, where the machine stands still: then another one shows it. */
static void test_command_over_its_time_is_killed_and_failed(void **state)
{
	bool in_time = false;

	for (int i = 0; i < 10 && !in_time; i++)
		in_time = is_killed_in_time();
	assert_true(in_time);
}

/* Turns until a command has made the file. */
static void wait_for_file(struct world *w, const char *path)
{
	for (int ms = 0; ms < LONG_MS && access(path, F_OK) < 0; ms += 10) {
		uv_run(&w->loop, UV_RUN_NOWAIT);
		usleep(10000);
	}
	assert_int_equal(access(path, F_OK), 0);
}

static void test_canceled_command_may_clean_up(void **state)
{
	struct world *w = start(NULL, NULL);
	char folder[] = "/tmp/cut-hostlink-XXXXXX", up[64], script[160];

	assert_non_null(mkdtemp(folder));
	snprintf(up, sizeof(up), "%s/up", folder);
	snprintf(script, sizeof(script),
		 "trap 'echo cleaned >&2; exit 7' TERM; echo >%s; sleep 1000 & wait", up);
	call(w, 1, "exec", "apply", LONG_MS, argv(script));
	wait_for_file(w, up);
	unlink(up);
	rmdir(folder);
	cut_hostlink_cancel(w->link, 1);
	run(w);
	assert_int_equal(w->status[1], CUT_CANCELED);
	assert_non_null(strstr(w->text, "cleaned"));
	finish(w);
}

static void test_killed_host_leaves_no_command_behind(void **state)
{
	struct world *w = start(NULL, NULL);
	char folder[] = "/tmp/cut-hostlink-XXXXXX", told[64], script[400];
	int pids[3] = {0};
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(told, sizeof(told), "%s/told", folder);
	snprintf(script, sizeof(script),
		 "sleep 1000 & echo $$ $! >%s.new; setsid -w sleep 1000 & "
		 "echo $! >>%s.new; mv %s.new %s; wait",
		 told, told, told, told);
	call(w, 1, "exec", "apply", LONG_MS, argv(script));
	wait_for_file(w, told);
	file = fopen(told, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d %d %d", &pids[0], &pids[1], &pids[2]), 3);
	fclose(file);
	unlink(told);
	rmdir(folder);
	kill(cut_hostlink_pid(w->link), SIGKILL);
	run(w);
	if (!w->gone)
		run(w);
	assert_int_equal(w->status[1], CUT_UNKNOWN);
	assert_non_null(strstr(w->gone_why, "killed by SIGKILL"));
	for (int i = 0; i < 3; i++)
		assert_false(is_alive(pids[i]));
	finish(w);
}

static void test_saved_state_comes_back(void **state)
{
	struct world *w = start(NULL, NULL);
	struct cut_hostcall c = {.id = 3,
				 .action = "exec",
				 .op = "apply",
				 .step = "s",
				 .key = "k",
				 .attempt = 2,
				 .timeout = LONG_MS};

	c.params = argv("echo $CUTOVER_ATTEMPT");
	c.saved = json_pack("{s:i}", "ttl", 300);
	w->want = 1;
	assert_int_equal(cut_hostlink_call(w->link, &c), 0);
	json_decref((json_t *)c.params);
	json_decref((json_t *)c.saved);
	run(w);
	assert_string_equal(cut_json_str(w->data, "stdout", ""), "2\n");
	finish(w);
}

static void test_secrets_are_taken_out_of_answers(void **state)
{
	struct world *w = start(NULL, NULL);

	call(w, 1, "exec", "apply", LONG_MS,
	     json_pack("{s:[s,s,s], s:{s:{s:s}}}", "argv", "sh", "-c", "echo it is $T", "env", "T",
		       "secret", "token"));
	run(w);
	assert_int_equal(w->status[1], CUT_OK);
	assert_string_equal(cut_json_str(w->data, "stdout", ""), "it is ***\n");
	finish(w);
}

/* What a host may do wrong with one call, and what is then said. */
static const struct {
	const char *behaviour;
	enum cut_status status;
	const char *why;
	cut_time timeout; /* 0: LONG_MS */
} faults[] = {
	{"answers_an_unknown_id", CUT_UNKNOWN, "a call that is not in flight"},
	{"answers_an_unknown_status", CUT_UNKNOWN, "without a known status"},
	{"answers_and_dies", CUT_OK, "exited with 3"},
	{"answers_twice", CUT_OK, "a call that is not in flight"},
	{"closes_the_link", CUT_UNKNOWN, "closed the link"},
	{"dies", CUT_UNKNOWN, "killed by SIGSEGV"},
	{"gives_up", CUT_UNKNOWN, "out of ideas"},
	{"hangs", CUT_UNKNOWN, "a call did not end when its time was up", 500},
	{"saves_twice", CUT_UNKNOWN, "saves twice"},
	{"sends_2_mib", CUT_UNKNOWN, "garbage"},
	{"sends_an_unknown_kind", CUT_UNKNOWN, "unknown kind"},
	{"sends_garbage", CUT_UNKNOWN, "garbage"},
	{"sends_half_a_frame", CUT_UNKNOWN, "half a frame"},
	{"sends_ready_twice", CUT_UNKNOWN, "ready twice"},
};

static void test_faulty_host_is_killed_and_its_call_ends_once(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(faults); i++) {
		struct world *w = start(faults[i].behaviour, NULL);
		pid_t pid = cut_hostlink_pid(w->link);

		call(w, 1, "any", "apply", faults[i].timeout ? faults[i].timeout : LONG_MS,
		     json_object());
		w->want = 2; /* run on until it is gone */
		run(w);
		assert_true(w->gone);
		if (!strstr(w->gone_why, faults[i].why) || w->done != 1 ||
		    w->status[1] != faults[i].status)
			fail_msg("%s: done %u status %d: %s", faults[i].behaviour, w->done,
				 (int)w->status[1], w->gone_why);
		assert_false(is_alive(pid));
		finish(w);
	}
}

/* It stops as soon as it has answered, and then it is we who stand still. */
static void test_an_answer_in_time_counts_however_late_it_is_read(void **state)
{
	struct world *w = start("answers_and_stands_still", NULL);
	siginfo_t stopped;

	wait_ready(w);
	call(w, 1, "any", "apply", 1, json_object());
	uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(waitid(P_PID, (id_t)cut_hostlink_pid(w->link), &stopped, WSTOPPED), 0);
	usleep(1000000);
	run(w);
	if (w->gone || w->done != 1 || w->status[1] != CUT_OK)
		fail_msg("status %d: %s", (int)w->status[1], w->gone_why);
	finish(w);
}

static void test_command_of_a_dead_host_is_killed(void **state)
{
	struct world *w = start("dies_with_a_command", NULL);

	call(w, 1, "any", "apply", LONG_MS, json_object());
	w->want = 2;
	run(w);
	assert_non_null(w->progress);
	assert_false(is_alive(atoi(w->progress)));
	finish(w);
}

static void test_nothing_of_a_plugin_outlives_its_host(void **state)
{
	struct world *w = start("leaves_an_orphan", NULL);

	call(w, 1, "any", "apply", LONG_MS, json_object());
	w->want = 2;
	run(w);
	assert_non_null(w->progress);
	assert_false(is_alive(atoi(w->progress)));
	finish(w);
}

static void test_a_host_that_floods_the_log_fills_no_disk(void **state)
{
	struct world *w = start("floods", NULL);
	struct stat st;

	call(w, 1, "any", "apply", LONG_MS, json_object());
	w->want = 2;
	run(w);
	assert_int_equal(w->status[1], CUT_UNKNOWN);
	assert_non_null(strstr(w->gone_why, "floods the log"));
	assert_int_equal(fstat(w->log, &st), 0);
	assert_in_range(st.st_size, 1, 4 << 20);
	finish(w);
}

static void test_call_of_a_dead_host_is_refused(void **state)
{
	struct world *w = start("dies", NULL);
	struct cut_hostcall c = {
		.id = 2, .action = "any", .op = "apply", .step = "s", .key = "k", .timeout = 1000};

	call(w, 1, "any", "apply", LONG_MS, json_object());
	cut_hostlink_stop(w->link);
	c.params = json_object();
	assert_int_equal(cut_hostlink_call(w->link, &c), -EPIPE);
	json_decref((json_t *)c.params);
	w->want = 2;
	run(w);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->status[1], CUT_UNKNOWN);
	finish(w);
}

static void on_no_host(void *data, const struct cut_err *why)
{
	cut_err_set(data, why->code, NULL, NULL, "%s", why->what);
}

static void test_missing_host_program_is_told(void **state)
{
	struct cut_hostlink_options options = {.host_path = "/proc/nonexistent",
					       .folder = "/",
					       .run = "r",
					       .lock_fd = -1,
					       .log_fd = -1};
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_hostlink_events events = {.gone = on_no_host, .data = &err};
	struct cut_hostlink *link;

	assert_int_equal(cut_hostlink_start(uv_default_loop(), &options, &events, &link, NULL), 0);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	assert_int_equal(err.code, -ENOENT);
	assert_non_null(strstr(err.what, "/proc/nonexistent"));
}

static void test_describe_tells_what_the_built_in_steps_are(void **state)
{
	cut_auto(cut_json) json_t *descriptor = NULL;

	assert_int_equal(cut_host_describe(host_path(false), NULL, &descriptor, NULL), 0);
	assert_string_equal(cut_json_str(descriptor, "name", ""), "core");
	assert_string_equal(json_string_value(cut_json_at(descriptor, "/actions/1/params/0/name")),
			    "argv");
}

static void test_describe_says_why_a_plugin_is_refused(void **state)
{
	cut_auto(cut_err) struct cut_err err = {0};
	json_t *descriptor = NULL;

	assert_int_equal(
		cut_host_describe(host_path(false), "/proc/nonexistent.so", &descriptor, &err),
		-EPERM);
	assert_non_null(strstr(err.what, "cannot open plugin /proc/nonexistent.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_describes_its_plugin_when_ready),
		cmocka_unit_test(test_call_ends_with_outputs),
		cmocka_unit_test(test_many_calls_share_the_link),
		cmocka_unit_test(test_unknown_actions_and_operations_fail_their_call_only),
		cmocka_unit_test(test_command_over_its_time_is_killed_and_failed),
		cmocka_unit_test(test_canceled_command_may_clean_up),
		cmocka_unit_test(test_killed_host_leaves_no_command_behind),
		cmocka_unit_test(test_saved_state_comes_back),
		cmocka_unit_test(test_secrets_are_taken_out_of_answers),
		cmocka_unit_test(test_faulty_host_is_killed_and_its_call_ends_once),
		cmocka_unit_test(test_an_answer_in_time_counts_however_late_it_is_read),
		cmocka_unit_test(test_command_of_a_dead_host_is_killed),
		cmocka_unit_test(test_nothing_of_a_plugin_outlives_its_host),
		cmocka_unit_test(test_a_host_that_floods_the_log_fills_no_disk),
		cmocka_unit_test(test_call_of_a_dead_host_is_refused),
		cmocka_unit_test(test_missing_host_program_is_told),
		cmocka_unit_test(test_describe_tells_what_the_built_in_steps_are),
		cmocka_unit_test(test_describe_says_why_a_plugin_is_refused),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1); /* as the engine is */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
