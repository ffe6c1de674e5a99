/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a runbook as far as the model alone tells it. Called by `cutover plan`, which fills
 * in what the world says: `changes`, digests, the window. */
#pragma once

#include "engine/core/graph.h"

/* {"steps": [{"id", "phase", "needs", "uses", "effects", "class", "rollback", "changes": [],
 * "planned_s", "critical", "latest_safe_start": null}], "critical_path", "forward_s",
 * "rollback_s"}: fields of `plan --output json` (docs/cli.md); durations null where none is
 * planned. New reference. */
json_t *cut_plan_json(const struct cut_runbook *rb, const struct cut_graph *graph);
/* How long it takes to undo the longest stage of it; ret_unknown: how many undos of a stage say no
 * duration, at most. */
cut_time cut_plan_rollback_time(const struct cut_runbook *rb, const struct cut_graph *graph,
				uint32_t *ret_unknown);
const char *cut_effects_name(uint32_t effects); /* "read" "write" "traffic" "destroy" */
const char *cut_class_name(enum cut_class class);
/* Of each step: will it find the world as it is now? Nothing of the run that changes anything, and
 * no work of people, comes before it. Owned by the caller. */
bool *cut_plan_finds_as_is(const struct cut_runbook *rb, const struct cut_graph *graph);
/* Are two lists of changes [{"what", "before", "after"}] of one step the same? Else the first
 * difference as a sentence: what then would have been changed, what would now. */
bool cut_plan_same(const json_t *then, const json_t *now, struct cut_buf *difference);
