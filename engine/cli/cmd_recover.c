/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover recover`: goes on with a run whose engine and supervisor are gone; attaches to a live
 * one. */
#include "engine/cli/commands.h"

#include "engine/cli/client.h"
#include "engine/cli/follow.h"
#include "engine/cli/recover.h"

#include <unistd.h>

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
