/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `dns`: records of a zone, changed by signed dynamic updates (RFC 2136) and proved at
 * every server. Loaded by cutover-host. */
#include "dns/actions.h"

#include <stdlib.h>

static int init(const struct cut_host_api *api, struct uv_loop_s *loop, void **self)
{
	struct dns_originals *originals = kit_new(struct dns_originals);

	(void)api;
	(void)loop;
	originals->ttls = json_object();
	*self = originals;
	return 0;
}

static void fini(void *self)
{
	struct dns_originals *originals = self;

	json_decref(originals->ttls);
	free(originals);
}

static const struct cut_provider providers[] = {
	{"rfc2136", "dynamic updates signed with TSIG: BIND, Knot, PowerDNS and others",
	 dns_connection_params},
	{0},
};

static const struct cut_action *const actions[] = {
	&dns_set_records,
	&dns_set_ttl,
	&dns_wait_propagated,
	NULL,
};

static const struct cut_plugin plugin = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "dns",
	.version = "1.0",
	.license = "Apache-2.0",
	.help = "DNS records and their TTLs",
	.providers = providers,
	.actions = actions,
	.init = init,
	.fini = fini,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &plugin;
}
