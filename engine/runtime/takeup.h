/* SPDX-License-Identifier: Apache-2.0 */
/* Going on with a run that another engine left: what to clear away, where its clock stands, what
 * its journal lacks, and the first record of the new engine. Used by the engine, in this order. */
#pragma once

#include "engine/core/run.h"
#include "engine/runtime/driver.h"
#include "engine/runtime/replay.h"

/* Ends commands that were in flight and outlived everybody. -ETIMEDOUT: one cannot be ended. */
int cut_takeup_orphans(const struct cut_run *run, const struct cut_runbook *rb, const char *run_id,
		       struct cut_err *err);
/* Opens the journal in the next epoch (*ret_epoch) and adds the outputs that a crash cut off. */
int cut_takeup_journal(struct cut_world *world, const char *dir, const struct cut_replay *replay,
		       unsigned *ret_epoch, struct cut_journal **ret, struct cut_err *err);
/* Where the run clock's zero lies on this boot's clock: for the driver. */
cut_time cut_takeup_zero(const struct cut_world *world, const struct cut_replay *replay);
/* Tells the machines that a new engine goes on, and starts the driver. */
int cut_takeup_go_on(struct cut_world *world, const struct cut_replay *replay,
		     struct cut_driver *driver, struct cut_err *err);
