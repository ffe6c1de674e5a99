/* SPDX-License-Identifier: Apache-2.0 */
/* What a runbook needs of the world outside: which plugins, with which connections and secrets.
 * Pure questions about a model, asked when hosts are started. */
#pragma once

#include "engine/core/model.h"

enum cut_need_of { CUT_NEED_NOT, CUT_NEED_FORWARD, CUT_NEED_ROLLBACK /* forward too */ };

enum cut_need_of cut_needs_plugin(const struct cut_runbook *rb, const char *plugin);
/* name → typed parameters of the plugin's connections; new reference. */
json_t *cut_needs_connections(const struct cut_runbook *rb, const char *plugin);
/* The subset of values that the plugin's connections and parameters name; new reference. */
json_t *cut_needs_secrets(const struct cut_runbook *rb, const char *plugin, const json_t *values);
/* "name:port" of every server that the plugin's connections and parameters name in a URL; new
 * reference. */
json_t *cut_needs_hosts(const struct cut_runbook *rb, const char *plugin);
/* "set_ttl" of "dns.set_ttl", "exec" of "exec". */
const char *cut_action_bare_name(const struct cut_catalog_action *action);
