/* SPDX-License-Identifier: Apache-2.0 */
/* The start of a host whose program takes its time to load: fanotify(7) holds it as a slow disk
 * would. The loop goes on meanwhile. */
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/runtime/hostlink.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { HELD_TICKS = 20, TICK_MS = 5 };

struct scene {
	const char *name;
	uint32_t answer; /* to the kernel, when the program has been held for HELD_TICKS */
	bool stopped;	 /* by us, while it is held */
	bool ready;
	const char *why; /* of the end */
};

struct world {
	const struct scene *scene;
	uv_loop_t loop;
	uv_poll_t asked;
	uv_timer_t tick;
	int fan, program; /* fanotify's; the one that is held */
	unsigned ticks;
	bool ready;
	char *why;
	struct cut_hostlink *link;
};

static void copy_program(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(fstat(in, &st), 0);
	while (st.st_size > 0) {
		ssize_t n = sendfile(out, in, NULL, (size_t)st.st_size);

		assert_true(n > 0);
		st.st_size -= n;
	}
	close(in);
	close(out);
}

static void on_ready(void *data, const json_t *descriptor)
{
	struct world *w = data;

	w->ready = true;
	cut_hostlink_stop(w->link);
}

static void on_gone(void *data, const struct cut_err *why)
{
	struct world *w = data;

	w->why = cut_err_text(why);
}

static void on_tick(uv_timer_t *timer)
{
	struct world *w = cut_container(timer, struct world, tick);
	struct fanotify_response answer = {.fd = w->program, .response = w->scene->answer};

	if (++w->ticks < HELD_TICKS)
		return;
	assert_int_equal(write(w->fan, &answer, sizeof(answer)), sizeof(answer));
	close(w->program);
	uv_close((uv_handle_t *)&w->tick, NULL);
	uv_close((uv_handle_t *)&w->asked, NULL);
}

static void on_asked(uv_poll_t *poll, int status, int events)
{
	struct world *w = cut_container(poll, struct world, asked);
	struct fanotify_event_metadata event;

	assert_int_equal(read(w->fan, &event, sizeof(event)), sizeof(event));
	w->program = event.fd;
	if (w->scene->stopped)
		cut_hostlink_stop(w->link);
	uv_poll_stop(poll);
	uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
}

static void play(const struct scene *scene, const char *program)
{
	const struct cut_hostlink_options options = {
		.host_path = program, .folder = "/", .run = "r", .lock_fd = -1, .log_fd = -1};
	struct world w = {.scene = scene};
	const struct cut_hostlink_events events = {.ready = on_ready, .gone = on_gone, .data = &w};

	w.fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
	if (w.fan < 0) {
		printf("fanotify is not for us here: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(fanotify_mark(w.fan, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, program),
			 0);
	alarm(60); /* a loop that is held never answers */
	uv_loop_init(&w.loop);
	uv_poll_init(&w.loop, &w.asked, w.fan);
	uv_poll_start(&w.asked, UV_READABLE, on_asked);
	uv_timer_init(&w.loop, &w.tick);
	assert_int_equal(cut_hostlink_start(&w.loop, &options, &events, &w.link, NULL), 0);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	alarm(0);

	if (w.ready != scene->ready || !w.why || !strstr(w.why, scene->why))
		fail_msg("%s: ready %d, %s", scene->name, w.ready, w.why ? w.why : "not gone");
	assert_int_equal(w.ticks, HELD_TICKS);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
	free(w.why);
	close(w.fan);
	assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void test_loop_goes_on_while_the_program_of_a_host_is_loaded(void **state)
{
	static const struct scene scenes[] = {
		{"loaded late", FAN_ALLOW, .ready = true, .why = "the plugin host was stopped"},
		{"stopped before", FAN_ALLOW, .stopped = true,
		 .why = "the plugin host was stopped"},
		{"not to be loaded", FAN_DENY, .why = "cannot start the plugin host"},
	};
	char folder[] = "/tmp/cut-test-hoststart-XXXXXX";
	cut_auto(cut_str) char *program = NULL;

	assert_non_null(mkdtemp(folder));
	program = cut_printf("%s/cutover-host", folder);
	copy_program(getenv("CUT_TEST_HOST"), program);
	for (size_t i = 0; i < CUT_ARRAY_LEN(scenes); i++)
		play(&scenes[i], program);
	unlink(program);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loop_goes_on_while_the_program_of_a_host_is_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
