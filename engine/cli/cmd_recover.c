/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover recover`: goes on with a run whose engine and supervisor are gone; attaches to a live
 * one. */
#include "engine/cli/commands.h"

#include "engine/cli/client.h"
#include "engine/cli/follow.h"
#include "engine/cli/launch.h"
#include "engine/cli/recover.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/journal.h"
#include "engine/runtime/lock.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

static int take_up(const struct cut_args *args, struct cut_found *found, struct cut_context *ctx)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *lock = cut_printf("%s/lock", found->entry.dir);
	cut_auto(cut_buf) struct cut_buf canonical = {0};
	const struct passwd *pw = getpwuid(getuid());
	struct cut_named_locks locks = {0};
	cut_auto(cut_json) json_t *message = NULL;
	cut_auto(cut_buf) struct cut_buf in = {0};
	int lock_fd = -1, client = -1;
	struct cut_launch launch;
	int r = cut_lock_take(lock, &lock_fd, &err);

	if (r == 0)
		r = cut_named_locks_take(found->places.state_dir, ctx->rb->locks,
					 ctx->rb->locks_len, found->entry.id, ctx->rb->ticket,
					 cut_clock_wall(), &locks, &err);
	if (r == 0) {
		free(found->socket);
		found->socket = NULL;
		r = cut_socket_path(found->entry.id, true, &found->socket, &err);
	}
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	cut_runbook_identity(ctx->rb, &canonical);
	launch = (struct cut_launch){
		.engine =
			{
				.rb = ctx->rb,
				.graph = ctx->graph,
				.state = found->places.state_dir,
				.dir = found->entry.dir,
				.run_id = found->entry.id,
				.socket = found->socket,
				.host_path = ctx->places.host_path,
				.starter = getuid(),
				.starter_name = pw ? pw->pw_name : "unknown",
				.resume = true,
				.at = CUT_NEVER,
			},
		.lock_fd = lock_fd,
		.named_locks = locks.items,
		.named_locks_len = locks.len,
	};
	r = cut_launch(&launch, &client, &err);
	cut_named_locks_done(&locks);
	if (r == 0) {
		r = cut_launch_message(client, found->entry.dir, CUT_LAUNCH_TIMEOUT, &in, &message,
				       &err);
		close(client);
	}
	if (r == 0)
		r = cut_launch_refusal(message, &err);
	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : 0;
}

/* Ended, but its engine died before it had sealed the journal: that is made up for. */
static bool is_unsealed(const struct cut_run_entry *entry)
{
	cut_auto(cut_json) json_t *seal = NULL;
	bool empty;

	return !entry->live && cut_journal_last(entry->dir, "sealed", &seal, &empty) == 0 &&
	       !cut_json_bool(seal, "final", false);
}

bool cut_recover_is_due(const struct cut_run_entry *entry)
{
	return !entry->outcome || is_unsealed(entry);
}

int cut_recover_run(const struct cut_args *args, struct cut_found *found)
{
	cut_auto(cut_context) struct cut_context ctx = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	int r = cut_context_of_run(args, found->entry.dir, &ctx, &err);

	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : take_up(args, found, &ctx);
}

/* Can its engine not write its journal any more? */
static bool has_fault(struct cut_found *found)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *status = NULL;

	return cut_client_request(cut_found_socket(found), "/v1/status", NULL, &status, &err) ==
		       0 &&
	       json_is_object(json_object_get(status, "fault"));
}

/* Such an engine leaves once what still runs has ended, for which each call has a deadline. */
static void await_leave(struct cut_found *found)
{
	fprintf(stderr,
		"cutover: the engine of %s cannot write its journal any more; waiting until "
		"what still runs has ended\n",
		found->entry.id);
	while (cut_found_is_live(found))
		usleep(100 * 1000);
	found->entry.live = false;
}

static void say_recovered(const struct cut_args *args, struct cut_found *found)
{
	cut_auto(cut_json) json_t *told =
		json_pack("{s:s, s:s?}", "run", found->entry.id, "socket", cut_found_socket(found));

	if (args->json)
		cut_cli_print_json(told);
	else
		printf("run %s goes on\n", found->entry.id);
}

int cut_cmd_recover(const struct cut_args *args)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_found) struct cut_found found = {0};
	int r;

	if (cut_args_has(args, "all"))
		return cut_recover_all(args);
	r = cut_find(args, 0, CUT_PICK_UNFINISHED, &found, &err);
	if (r < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	if (!cut_recover_is_due(&found.entry)) {
		cut_found_say_ended(&found, found.entry.outcome, &err);
		return cut_cli_fail(args, &err, CUT_EXIT_REFUSED);
	}
	if (found.entry.live && has_fault(&found) && !cut_args_has(args, "detach"))
		await_leave(&found);
	if (!found.entry.live) {
		r = cut_recover_run(args, &found);
		if (r)
			return r;
	}
	if (cut_args_has(args, "detach")) {
		say_recovered(args, &found);
		return CUT_EXIT_DETACHED;
	}
	return cut_follow(args, &found, -1);
}
