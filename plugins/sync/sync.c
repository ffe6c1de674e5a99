/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `sync`: is green's data the same as blue's, and how far behind is it? Loaded by
 * cutover-host. */
#include "sync/heartbeat.h"

#include <stdlib.h>

static int init(const struct cut_host_api *api, struct uv_loop_s *loop, void **self)
{
	struct sync *sync = kit_new(struct sync);

	sync->pool = pg_pool_new(loop);
	*self = sync;
	return 0;
}

static void fini(void *self)
{
	struct sync *sync = self;

	pg_pool_free(sync->pool);
	heartbeats_free(sync->heartbeats);
	free(sync);
}

static const struct cut_provider providers[] = {
	{"postgres", "PostgreSQL 11 or newer, with a role that may read what is compared",
	 pg_connection_params},
	{0},
};

static const struct cut_action *const actions[] = {
	&sync_compare,
	&sync_lag,
	&sync_wait_caught_up,
	NULL,
};

static const struct cut_meter *const meters[] = {
	&sync_meter_lag,
	NULL,
};

static const struct cut_plugin plugin = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "sync",
	.version = "1.0",
	.license = "Apache-2.0",
	.help = "lag and comparison of databases",
	.providers = providers,
	.actions = actions,
	.meters = meters,
	.init = init,
	.fini = fini,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &plugin;
}
