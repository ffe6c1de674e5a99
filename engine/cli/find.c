/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/find.h"

#include "engine/cli/client.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/lock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define RESTART_WAIT (20 * CUT_SECOND) /* an engine that takes its run up again needs its hosts */
#define RESTART_LOOK (100 * 1000)      /* µs */

/* By its socket alone, for those who may not read the folder. */
static bool find_elsewhere(const char *id, struct cut_found *ret)
{
	cut_auto(cut_err) struct cut_err ignored = {0};

	if (cut_socket_path(id, false, &ret->socket, &ignored) < 0)
		return false;
	ret->entry.id = cut_strdup(id);
	ret->entry.dir = cut_printf("%s/runs/%s", ret->places.state_dir, id);
	ret->entry.live = true;
	return true;
}

int cut_find(const struct cut_args *args, size_t at, enum cut_run_pick pick, struct cut_found *ret,
	     struct cut_err *err)
{
	const char *wanted = args->positional_len > at ? args->positional[at] : NULL;
	int r = cut_places_of_runs(args, &ret->places, err);

	if (r < 0)
		return r;
	r = cut_run_find(ret->places.state_dir, wanted, pick, &ret->entry, err);
	if ((r == -ENOENT || r == -EACCES || r == -EPERM) && wanted &&
	    find_elsewhere(wanted, ret)) {
		cut_err_done(err);
		return 0;
	}
	if (r == 0 && ret->entry.empty && !ret->entry.live)
		r = cut_err_set(err, -ENOENT,
				"its engine ended before that, and nothing was changed",
				"run its runbook again", "run %s was never armed", ret->entry.id);
	if (r == 0)
		cut_found_socket(ret);
	return r;
}

int cut_found_check_own(const struct cut_found *found, struct cut_err *err)
{
	cut_auto(cut_str) char *next = NULL;

	if (found->entry.name)
		return 0;
	next = cut_printf(
		"ask its owner; `cutover status %s` and `cutover watch %s` ask its engine",
		found->entry.id, found->entry.id);
	return cut_err_set(err, -EACCES, "permission denied, it is another user's", next,
			   "cannot read the journal of %s", found->entry.id);
}

const char *cut_found_socket(struct cut_found *found)
{
	cut_auto(cut_err) struct cut_err ignored = {0};

	if (!found->socket)
		cut_socket_path(found->entry.id, false, &found->socket, &ignored);
	return found->socket;
}

bool cut_found_is_live(const struct cut_found *found)
{
	cut_auto(cut_str) char *lock = cut_printf("%s/lock", found->entry.dir);
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	return cut_lock_query(lock, &holder, &err) == 0 && holder.live;
}

bool cut_found_has_ended(const struct cut_found *found, struct cut_run_entry *ret)
{
	cut_auto(cut_err) struct cut_err ignored = {0};
	struct cut_run_entry now = {0};

	cut_run_find(found->places.state_dir, found->entry.id, CUT_PICK_NEWEST, &now, &ignored);
	if (now.outcome) {
		ret->outcome = now.outcome;
		ret->unclosed = now.unclosed;
	}
	cut_run_entry_done(&now);
	return ret->outcome;
}

int cut_found_say_ended(const struct cut_found *found, const char *outcome, struct cut_err *err)
{
	cut_auto(cut_str) char *next =
		cut_printf("`cutover report %s` tells how it went", found->entry.id);

	return cut_err_set(err, -EALREADY, outcome, next, "run %s has ended", found->entry.id);
}

/* Is there anybody who may start its engine again? Who may not look must hope so. */
static bool driven(const struct cut_found *found)
{
	return found->entry.live && (!found->entry.name || cut_found_is_live(found));
}

/* Who keeps `recover` from the run, or 0: a supervisor, or an engine that has lost its own. Only
 * the run's user can tell. */
static pid_t holder_of(const struct cut_found *found)
{
	static const char *const roles[] = {"supervisor", "engine"};
	cut_auto(cut_str) char *lock = cut_printf("%s/lock", found->entry.dir);
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};

	if (!found->entry.name || cut_lock_query(lock, &holder, NULL) < 0 || !holder.live)
		return 0;
	for (size_t i = 0; i < CUT_ARRAY_LEN(roles); i++) {
		pid_t pid = cut_lock_pid(&holder, roles[i]);

		if (pid > 0 && kill(pid, 0) == 0)
			return pid;
	}
	return 0;
}

int cut_found_say_held(const struct cut_found *found, struct cut_err *err)
{
	int pid = (int)holder_of(found);
	cut_auto(cut_str) char *why =
		cut_printf("no engine answers, but process %d holds the run", pid);
	cut_auto(cut_str) char *next =
		cut_printf("try again; if that goes on, `kill -9 %d`, then `cutover recover %s`",
			   pid, found->entry.id);

	if (!pid)
		return err->code;
	cut_err_done(err);
	return cut_err_set(err, -ENOTCONN, why, next, "cannot reach run %s", found->entry.id);
}

/* The engine, or its answer, was lost over an order. */
static int say_unanswered(const struct cut_found *found, struct cut_err *err)
{
	cut_auto(cut_str) char *why =
		cut_printf("%s: it may have been taken all the same", err->why);
	cut_auto(cut_str) char *next =
		cut_printf("`cutover logs %s` shows it if so", found->entry.id);

	cut_err_done(err);
	return cut_err_set(err, -EPIPE, why, next, "no answer to the order");
}

int cut_found_request(struct cut_found *found, const char *path, const json_t *body, json_t **ret,
		      struct cut_err *err)
{
	cut_time until = 0;
	bool order = strcmp(path, "/v1/orders") == 0;

	for (;;) {
		int r = cut_client_request(cut_found_socket(found), path, body, ret, err);
		struct cut_run_entry end = {0};

		if (r == -EPIPE && order)
			return say_unanswered(found, err);
		if (r == -EPIPE) /* it died over the question: a look may be repeated */
			r = -ENOTCONN;
		if (r == -ENOTCONN && cut_found_has_ended(found, &end))
			return cut_found_say_ended(found, end.outcome, err);
		if (r == -ENOTCONN && !until) /* from now on: that it hung took its time, too */
			until = cut_clock_boot() + RESTART_WAIT;
		if (r == -ENOTCONN && cut_clock_boot() > until) {
			found->entry.live = false; /* nor does the next request wait */
			return cut_found_say_held(found, err);
		}
		if (r != -ENOTCONN || !driven(found))
			return r;
		cut_err_done(err);
		usleep(RESTART_LOOK);
	}
}

void cut_found_done(struct cut_found *found)
{
	cut_places_done(&found->places);
	cut_run_entry_done(&found->entry);
	free(found->socket);
	found->socket = NULL;
}
