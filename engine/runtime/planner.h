/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every action's `plan` what it would change in the live world, changing nothing. Used by
 * `cutover plan` and when a run is armed. */
#pragma once

#include "engine/runtime/calls.h"

/* plans: address → {"changes": [{"what", "before", "after"}], "note": text or absent, "failed":
 * bool}; borrowed. Called once, from the loop; where the calls are stopped before, not of all. */
typedef void cut_planned_fn(void *data, json_t *plans);

/* timeout: of each question. */
void cut_planner_start(struct cut_calls *calls, const struct cut_runbook *rb, cut_time timeout,
		       cut_planned_fn *done, void *data);
/* SHA-256 over runbook identity, resolved parameters and plugin digests: what approvals bind to.
 * The runbook's identity must have been made. */
void cut_plan_identity(const struct cut_runbook *rb, char ret[65]);
