/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's tables as JSON: what `cutover-host --describe` prints and its ready frame carries, and
 * what the engine's catalog reads.
 *
 * {"name", "version", "license", "help", "path", "digest",
 *  "actions": [{"name", "help", "class", "effects", "ops", "params": [P…], "outputs": [P…]}],
 *  "meters": [{"name", "unit", "help", "params": [P…]}],
 *  "providers": [{"name", "help", "params": [P…]}]}
 * where P = {"name", "type", "flags", "fallback", "range", "help"}; type, class, effects and flags
 * are the numbers of cutover/plugin.h, ops those below. */
#pragma once

/* ops: a bit for each operation that an action has */
enum {
	CUT_HAS_CHECK = 1u << 0,
	CUT_HAS_PLAN = 1u << 1,
	CUT_HAS_APPLY = 1u << 2,
	CUT_HAS_VERIFY = 1u << 3,
	CUT_HAS_OBSERVE = 1u << 4,
	CUT_HAS_ROLLBACK = 1u << 5,
	CUT_HAS_CANCEL = 1u << 6,
};
