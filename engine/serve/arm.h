/* SPDX-License-Identifier: Apache-2.0 */
/* Arming: everything that must be right before a run may start, looked at once. Used by the engine.
 */
#pragma once

#include "engine/runtime/calls.h"
#include "engine/serve/engine.h"

/* Refuses what can be refused without asking anybody: machinery of a later version, a window that
 * is over, a person who may not override it, unknown members of roles. *ret_roles: role → [{"name",
 * "uid"}], new reference. */
int cut_arm_check(const struct cut_engine_options *options, cut_time wall, json_t **ret_roles,
		  struct cut_err *err);

/* Asks every action for its plan and every trigger's metric for a sample, then calls done once:
 * plans as cut_planned_fn; refusal set where a trigger is bad or cannot be sampled and is not
 * acknowledged, where the plan of a step fails that will find the world as it is now, or where the
 * world is not as the pinned plan says. */
typedef void cut_armed_fn(void *data, json_t *plans, const struct cut_err *refusal);
void cut_arm_look(struct cut_world *world, struct cut_calls *calls,
		  const struct cut_engine_options *options, cut_armed_fn *done, void *data);

/* What the `armed` record says under "start", if it is no time. */
#define CUT_START_NOW	"now"
#define CUT_START_ASKED "asked"

/* The `armed` record's own fields. */
json_t *cut_arm_record(const struct cut_engine_options *options, json_t *roles, json_t *hosts);
