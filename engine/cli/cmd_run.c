/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover run`: arms a runbook, shows what it would do, asks, starts it and follows it. */
#include "engine/cli/commands.h"

#include "engine/cli/ask.h"
#include "engine/cli/follow.h"
#include "engine/cli/launch.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/lock.h"
#include "engine/runtime/planner.h"
#include "engine/runtime/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_TIMEOUT (30 * CUT_SECOND) /* until the order to start is on disk */

struct starting {
	const struct cut_args *args;
	struct cut_context ctx;
	struct cut_found run; /* the one being made */
	struct cut_named_locks locks;
	json_t *acked;
	json_t *pinned;	   /* owned: the saved plan of --plan, or NULL */
	json_t *unplanned; /* owned: steps whose plan failed */
	cut_time at;
	int lock_fd;
};

static int write_file(const char *dir, const char *name, const struct cut_buf *text,
		      struct cut_err *err)
{
	cut_auto(cut_str) char *path = cut_printf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot write %s", path);
	while (done < text->len) {
		ssize_t n = write(fd, text->data + done, text->len - done);

		if (n < 0) {
			int r = -errno;

			close(fd);
			return cut_err_sys(err, r, "make room there", "cannot write %s", path);
		}
		done += (size_t)n;
	}
	if (fsync(fd) < 0) {
		int r = -errno;

		close(fd);
		return cut_err_sys(err, r, NULL, "cannot write %s", path);
	}
	close(fd);
	return 0;
}

static bool has_trigger(const struct cut_runbook *rb, const char *id)
{
	for (uint32_t t = 0; t < rb->triggers_len; t++) {
		if (strcmp(rb->triggers[t].id, id) == 0)
			return true;
	}
	return false;
}

static int check_options(struct starting *s, struct cut_err *err)
{
	const struct cut_args *args = s->args;
	const char *at = cut_args_value(args, "at"), *until = cut_args_value(args, "until");

	s->at = CUT_NEVER;
	if (at && cut_rfc3339_parse(at, strlen(at), &s->at) < 0)
		return cut_err_set(err, -EINVAL, "it is not a time with an offset",
				   "write it as 2026-11-22T02:00:00+01:00", "--at %s", at);
	if (until && cut_runbook_phase(s->ctx.rb, until) == CUT_NONE)
		return cut_err_set(err, -EINVAL, "the runbook has no such phase", NULL,
				   "--until %s", until);
	if (cut_args_has(args, "override-window") && !cut_args_has(args, "reason"))
		return cut_err_set(err, -EINVAL, "it is asked about later", "add --reason TEXT",
				   "--override-window wants a reason");
	if (!cut_args_has(args, "yes") && s->at == CUT_NEVER && !cut_ask_possible())
		return cut_err_set(err, -EINVAL, "there is no terminal to ask on",
				   "add --yes to start without being asked", "nothing was started");
	s->acked = json_array();
	for (size_t i = 0; i < args->given_len; i++) {
		const char *id = args->given[i].value;

		if (strcmp(args->given[i].name, "ack-trigger") != 0)
			continue;
		if (!has_trigger(s->ctx.rb, id))
			return cut_err_set(err, -EINVAL, "the runbook has no such trigger", NULL,
					   "--ack-trigger %s", id);
		json_array_append_new(s->acked, json_string(id));
	}
	return 0;
}

/* --plan: the plan that was signed must be the one that would run. Whether the world is still as it
 * says, the engine finds out when it arms. */
static int check_pinned(struct starting *s, struct cut_err *err)
{
	const char *file = cut_args_value(s->args, "plan");
	char now[65];
	int r;

	if (!file)
		return 0;
	r = cut_cli_load_json(file, &s->pinned, err);
	if (r < 0)
		return r;
	if (!cut_json_str(s->pinned, "plan_sha256", NULL) ||
	    !json_is_array(json_object_get(s->pinned, "steps")))
		return cut_err_set(err, -EINVAL, "it is not a saved plan",
				   "`cutover plan --out` makes one", "cannot use %s", file);
	cut_plan_identity(s->ctx.rb, now);
	if (strcmp(cut_json_str(s->pinned, "plan_sha256", ""), now) != 0)
		return cut_err_set(err, -ESTALE, "runbook, parameters or plugins changed since",
				   "look at a new `cutover plan`, have it signed again",
				   "the plan in %s no longer holds", file);
	return 0;
}

/* Run directory, lock, named locks, canonical runbook, socket path. */
static int make_run(struct starting *s, struct cut_err *err)
{
	const struct cut_runbook *rb = s->ctx.rb;
	cut_auto(cut_buf) struct cut_buf canonical = {0};
	cut_auto(cut_str) char *lock = NULL;
	int r = cut_places_of_runs(s->args, &s->run.places, err);

	if (r == 0)
		r = cut_run_refuse_second(s->run.places.state_dir, rb->name, err);
	if (r < 0)
		return r;
	cut_runbook_identity(s->ctx.rb, &canonical);
	r = check_pinned(s, err);
	if (r < 0)
		return r;
	r = cut_run_dir_create(s->run.places.state_dir, rb->name, cut_clock_wall(), &s->run.entry,
			       err);
	if (r < 0)
		return r;
	lock = cut_printf("%s/lock", s->run.entry.dir);
	r = cut_lock_take(lock, &s->lock_fd, err);
	if (r == 0)
		r = cut_named_locks_take(s->run.places.state_dir, rb->locks, rb->locks_len,
					 s->run.entry.id, rb->ticket, cut_clock_wall(), &s->locks,
					 err);
	if (r == 0)
		r = write_file(s->run.entry.dir, "runbook.json", &canonical, err);
	if (r == 0)
		r = cut_socket_path(s->run.entry.id, true, &s->run.socket, err);
	if (r < 0)
		cut_run_dir_remove(s->run.entry.dir);
	return r;
}

static int launch(struct starting *s, int *ret_client, struct cut_err *err)
{
	const struct passwd *pw = getpwuid(getuid());
	const struct cut_args *args = s->args;
	struct cut_launch launch = {
		.engine =
			{
				.rb = s->ctx.rb,
				.graph = s->ctx.graph,
				.state = s->run.places.state_dir,
				.dir = s->run.entry.dir,
				.run_id = s->run.entry.id,
				.socket = s->run.socket,
				.host_path = s->run.places.host_path,
				.starter = getuid(),
				.starter_name = pw ? pw->pw_name : "unknown",
				.yes = cut_args_has(args, "yes") && s->at == CUT_NEVER,
				.at = s->at,
				.until = cut_args_value(args, "until"),
				.acked = s->acked,
				.override_reason = cut_args_has(args, "override-window")
							   ? cut_args_value(args, "reason")
							   : NULL,
				.pinned = s->pinned,
			},
		.lock_fd = s->lock_fd,
		.named_locks = s->locks.items,
		.named_locks_len = s->locks.len,
	};

	return cut_launch(&launch, ret_client, err);
}

/* The engine's next message; a refusal is an error with its own words. */
static int hear(const struct starting *s, int client, cut_time timeout, struct cut_buf *in,
		json_t **ret, struct cut_err *err)
{
	cut_auto(cut_json) json_t *message = NULL;
	int r = cut_launch_message(client, s->run.entry.dir, timeout, in, &message, err);

	if (r == 0 && cut_launch_refusal(message, err) < 0)
		r = err->code = -EPERM;
	if (r == 0)
		*ret = json_incref(message);
	return r;
}

/* 0 when the order is on disk: from then on the run goes on without its client. */
static int order_start(const struct starting *s, int client, struct cut_buf *in,
		       struct cut_err *err)
{
	cut_auto(cut_json) json_t *started = NULL;

	if (send(client, "start\n", 6, MSG_NOSIGNAL) != 6)
		return cut_err_set(err, -EPIPE, "its engine is gone", "run it again",
				   "the run was not started");
	return hear(s, client, START_TIMEOUT, in, &started, err);
}

/* Steps whose plan failed, and which earlier steps may make possible: else it would be refused. */
static void note_unplanned(struct starting *s, const json_t *plans)
{
	cut_auto(cut_buf) struct cut_buf text = {0};
	const char *step;
	json_t *plan;

	s->unplanned = json_array();
	json_object_foreach ((json_t *)plans, step, plan) {
		if (!cut_json_bool(plan, "failed", false))
			continue;
		cut_buf_printf(&text, "%s%s", text.len ? ", " : "", step);
		json_array_append_new(s->unplanned, json_string(step));
	}
	if (text.len && !s->args->json)
		fprintf(stderr,
			"cutover: warning: CANNOT BE PLANNED, unless earlier steps change that: "
			"%s\n",
			cut_buf_str(&text));
}

static void warn_of_environment(const struct starting *s)
{
	const struct cut_runbook *rb = s->ctx.rb;

	for (uint32_t i = 0; i < rb->secrets_len && !s->args->json; i++)
		if (rb->secrets[i].from == CUT_SECRET_ENV)
			fprintf(stderr,
				"cutover: warning: secret %s is in the environment, which a "
				"recovery after a reboot does not have\n",
				rb->secrets[i].name);
}

/* Waits until it is armed, shows the plan, asks. 0: started or will start; else the exit code. */
static int see_it_start(struct starting *s, int client)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf in = {0};
	cut_auto(cut_json) json_t *message = NULL;
	bool quiet = cut_args_has(s->args, "yes") || s->at != CUT_NEVER;
	int r = hear(s, client, CUT_LAUNCH_TIMEOUT, &in, &message, &err);

	if (r < 0)
		return cut_cli_fail(s->args, &err, cut_cli_exit(&err));
	if (!s->args->json) {
		cut_auto(cut_buf) struct cut_buf text = {0};

		cut_render_plan(s->ctx.rb, s->ctx.graph, json_object_get(message, "plans"), &text);
		cut_print_text(cut_buf_str(&text), quiet ? stdout : stderr);
	}
	note_unplanned(s, json_object_get(message, "plans"));
	warn_of_environment(s);
	if (quiet)
		return 0;
	if (!cut_ask_yes("Nothing has been changed yet.", "Start")) {
		fprintf(stderr, "cutover: not started; nothing was changed\n");
		return CUT_EXIT_REFUSED;
	}
	return order_start(s, client, &in, &err) == 0
		       ? 0
		       : cut_cli_fail(s->args, &err, cut_cli_exit(&err));
}

static void starting_done(struct starting *s)
{
	cut_context_done(&s->ctx);
	cut_found_done(&s->run);
	cut_named_locks_done(&s->locks);
	json_decref(s->acked);
	json_decref(s->pinned);
	json_decref(s->unplanned);
}

static void say_start_time(cut_time at)
{
	cut_auto(cut_buf) struct cut_buf text = {0}, local = {0};

	cut_rfc3339_format(at, &text);
	cut_render_time(cut_buf_str(&text), &local);
	printf("it starts on %s\n", cut_buf_str(&local));
}

static void say_started(const struct starting *s)
{
	cut_auto(cut_json) json_t *told =
		json_pack("{s:s, s:s, s:O}", "run", s->run.entry.id, "socket", s->run.socket,
			  "unplanned", s->unplanned);

	if (s->args->json)
		cut_cli_print_json(told);
	else
		printf("run %s\n", s->run.entry.id);
	if (!s->args->json && s->at != CUT_NEVER)
		say_start_time(s->at);
	fflush(stdout);
}

static int run(struct starting *s)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int client = -1, r;

	r = check_options(s, &err);
	if (r == 0)
		r = make_run(s, &err);
	if (r < 0)
		return cut_cli_fail(s->args, &err, cut_cli_exit(&err));
	r = launch(s, &client, &err);
	if (r < 0) {
		cut_run_dir_remove(s->run.entry.dir);
		return cut_cli_fail(s->args, &err, CUT_EXIT_INTERNAL);
	}
	cut_named_locks_done(&s->locks);
	r = see_it_start(s, client);
	if (r == 0)
		say_started(s);
	if (r == 0 && (cut_args_has(s->args, "detach") || s->at != CUT_NEVER))
		r = CUT_EXIT_DETACHED;
	if (r) {
		close(client);
		return r;
	}
	return cut_follow(s->args, &s->run, client);
}

int cut_cmd_run(const struct cut_args *args)
{
	struct starting s = {.args = args, .lock_fd = -1};
	int r = cut_context_load(args, args->positional[0], false, &s.ctx);

	if (r == 0)
		r = run(&s);
	starting_done(&s);
	return r;
}
