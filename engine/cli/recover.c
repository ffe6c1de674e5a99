/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/recover.h"

#include "engine/cli/launch.h"
#include "engine/runtime/clock.h"
#include "engine/runtime/journal.h"
#include "engine/runtime/lock.h"

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
