/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `traffic`: moves requests between servers at the runtime sockets of HAProxy. Loaded by
 * cutover-host. */
#include "traffic/actions.h"
#include "traffic/balancer.h"

static const struct cut_provider providers[] = {
	{"haproxy", "HAProxy 2.0 or later at its runtime sockets", balancer_connection_params},
	{0},
};

static const struct cut_action *const actions[] = {
	&traffic_drain,
	&traffic_shift,
	NULL,
};

static const struct cut_plugin plugin = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "traffic",
	.version = "1.0",
	.license = "Apache-2.0",
	.help = "shares of requests, and draining of servers",
	.providers = providers,
	.actions = actions,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &plugin;
}
