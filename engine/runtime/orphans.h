/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a run that outlived its supervisor, engine and hosts. They are nobody's children any
 * more and may still do their work, so they are ended before their steps are looked at again. Used
 * by an engine that takes a run up. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/time.h"

#include <stdbool.h>

/* Was this attempt of the step at the address in flight when the run was left? */
typedef bool cut_orphan_fn(void *data, const char *step, unsigned attempt);

/* Kills those of the calling user (root: of all) whose environment says that they are of such an
 * attempt, and waits until they are gone. What a step that has ended left running stays.
 * -ETIMEDOUT: some cannot be killed; err names one. deadline: of the boot clock. -EMFILE …: whether
 * there are any cannot be told. */
int cut_orphans_end(const char *run, cut_orphan_fn *in_flight, void *data, cut_time deadline,
		    struct cut_err *err);
