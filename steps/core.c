/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `core`: the actions that every installation has. */
#include "steps/steps.h"

#include "config.h"

static const struct cut_action *const actions[] = {
	&step_drill, &step_exec, &step_http, &step_notify, &step_tcp, NULL,
};

static const struct cut_plugin core = {
	.magic = CUT_PLUGIN_MAGIC,
	.major = CUT_PLUGIN_MAJOR,
	.minor = CUT_PLUGIN_MINOR,
	.name = "core",
	.version = CUT_VERSION,
	.license = "Apache-2.0",
	.help = "commands, HTTP requests, TCP checks, notifications and drills",
	.actions = actions,
};

const struct cut_plugin *cut_plugin_v1(void)
{
	return &core;
}
