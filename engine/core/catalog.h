/* SPDX-License-Identifier: Apache-2.0 */
/* What the loaded plugins offer, as data: actions, metrics, connection tables. Built from the
 * descriptors that `cutover-host` prints; read by the checker, the loader, `plugins` and `schema`.
 * The types are those of cutover/plugin.h, whose enum values are used as they are. */
#pragma once

#include "engine/base/descriptor.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/map.h"
#include "cutover/plugin.h"

struct cut_catalog_action {
	const char *plugin; /* "dns" */
	const char *name;   /* "dns.set_ttl"; without a prefix for the plugin `core` ("exec") */
	const char *help;
	const char *unit; /* meters only */
	enum cut_class class;
	uint32_t effects;
	uint32_t ops;			    /* CUT_HAS_… */
	struct cut_param *params, *outputs; /* end with name NULL */
};

struct cut_catalog_plugin {
	const char *name, *version, *license, *help, *path; /* path NULL: built in */
	const char *digest;				    /* SHA-256 hex of the file */
};

struct cut_catalog {
	struct cut_arena arena; /* owns every text and table below */
	struct {
		struct cut_catalog_plugin *items;
		size_t len, cap;
	} plugins;
	struct {
		struct cut_catalog_action *items;
		size_t len, cap;
	} actions, meters;
	/* connection tables: name is "dns.rfc2136" */
	struct cut_catalog_provider {
		const char *plugin, *name, *help;
		struct cut_param *params;
	} * providers;
	size_t providers_len, providers_cap;
};

/* Adds one plugin from its descriptor, as base/descriptor.h documents it. */
int cut_catalog_add(struct cut_catalog *catalog, const json_t *descriptor, struct cut_err *err);
/* By full name: "dns.set_ttl", "exec". The core's own `check` is an action of the catalog too. */
const struct cut_catalog_action *cut_catalog_action(const struct cut_catalog *c, const char *name);
const struct cut_catalog_action *cut_catalog_meter(const struct cut_catalog *c, const char *name);
const struct cut_catalog_provider *cut_catalog_provider(const struct cut_catalog *c,
							const char *plugin, const char *provider);
const struct cut_catalog_plugin *cut_catalog_plugin(const struct cut_catalog *c, const char *name);
void cut_catalog_done(struct cut_catalog *catalog);
