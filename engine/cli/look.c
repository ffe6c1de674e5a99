/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/look.h"

#include "engine/cli/client.h"
#include "engine/core/status.h"

#include <errno.h>

int cut_look_open(const struct cut_args *args, const char *dir, struct cut_look *look,
		  struct cut_err *err)
{
	int r = cut_context_of_run(args, dir, &look->ctx, err);

	if (r < 0)
		return r;
	look->run = cut_run_new(look->ctx.rb, look->ctx.graph);
	look->watch = cut_watch_new(look->ctx.rb);
	return cut_replay(dir, NULL, look->ctx.rb, look->run, look->watch, &look->replay, err);
}

void cut_look_done(struct cut_look *look)
{
	if (look->run)
		cut_run_free(look->run);
	if (look->watch)
		cut_watch_free(look->watch);
	cut_replay_done(&look->replay);
	cut_context_done(&look->ctx);
}

/* As a person of a role may see it only through the engine, the journal comes second, and of
 * another user's run not at all. */
int cut_look_status(const struct cut_args *args, struct cut_found *found, json_t **ret,
		    struct cut_err *err)
{
	cut_auto(cut_look) struct cut_look look = {0};
	json_t *status;
	int r = cut_found_request(found, "/v1/status", NULL, ret, err);

	if (r == 0 || r == -EPERM || !found->entry.name)
		return r;
	cut_err_done(err);
	r = cut_look_open(args, found->entry.dir, &look, err);
	if (r < 0)
		return r;
	status =
		cut_status_json(look.ctx.rb, look.run, look.watch, look.replay.t, look.replay.wall);
	json_object_set_new(status, "engine", json_string("dead"));
	json_object_set_new(status, "run", json_string(found->entry.id));
	json_object_set_new(status, "seq", json_integer((json_int_t)look.replay.scan.last_seq));
	*ret = status;
	return 0;
}
