/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/look.h"

#include "engine/cli/client.h"
#include "engine/core/status.h"

#include <errno.h>

int cut_look_open(const struct cut_args *args, const char *dir, struct cut_look *look)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int r = cut_context_of_run(args, dir, &look->ctx);

	if (r)
		return r;
	look->run = cut_run_new(look->ctx.rb, look->ctx.graph);
	look->watch = cut_watch_new(look->ctx.rb);
	r = cut_replay(dir, NULL, look->ctx.rb, look->run, look->watch, &look->replay, &err);
	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : 0;
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

/* As a person of a role may see it only through the engine, the journal comes second. */
int cut_look_status(const struct cut_args *args, struct cut_found *found, json_t **ret,
                    struct cut_err *err)
{
	cut_auto(cut_look) struct cut_look look = {0};
	json_t *status;
	int r = cut_client_request(found->socket, "/v1/status", NULL, ret, err);

	if (r == 0 || r == -EPERM)
		return r;
	cut_err_done(err);
	r = cut_look_open(args, found->entry.dir, &look);
	if (r)
		return cut_err_set(err, r == CUT_EXIT_AUDIT ? -EBADMSG : -EIO, "see above", NULL, "cannot read run %s", found->entry.id);
	status = cut_status_json(look.ctx.rb, look.run, look.watch, look.replay.t, look.replay.wall);
	json_object_set_new(status, "engine", json_string("dead"));
	json_object_set_new(status, "run", json_string(found->entry.id));
	json_object_set_new(status, "seq", json_integer((json_int_t)look.replay.scan.last_seq));
	*ret = status;
	return 0;
}
