/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine must find out, and clear away, before it goes on with a run that another engine
 * left. Used by the engine. */
#pragma once

#include "engine/core/run.h"
#include "engine/runtime/replay.h"

/* Ends commands that were in flight and outlived everybody. -ETIMEDOUT: one cannot be ended. */
int cut_takeup_orphans(const struct cut_run *run, const struct cut_runbook *rb, const char *run_id,
                       struct cut_err *err);
/* Where the run clock's zero lies on this boot's clock, and how long nobody drove. */
cut_time cut_takeup_zero(const struct cut_replay *replay, bool *ret_same_boot, cut_time *ret_gap);
