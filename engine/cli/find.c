/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/find.h"

int cut_find(const struct cut_args *args, size_t at, enum cut_run_pick pick, struct cut_found *ret,
             struct cut_err *err)
{
	const char *wanted = args->positional_len > at ? args->positional[at] : NULL;
	cut_auto(cut_err) struct cut_err ignored = {0};
	int r = cut_places_find(args, &ret->places, err);

	if (r < 0)
		return r;
	r = cut_run_find(ret->places.state_dir, wanted, pick, &ret->entry, err);
	if (r < 0)
		return r;
	cut_socket_path(ret->entry.id, false, &ret->socket, &ignored);
	return 0;
}

void cut_found_done(struct cut_found *found)
{
	cut_places_done(&found->places);
	cut_run_entry_done(&found->entry);
	free(found->socket);
	found->socket = NULL;
}
