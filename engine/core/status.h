/* SPDX-License-Identifier: Apache-2.0 */
/* The run as `status --output json` shows it (docs/cli.md). A fold over run and watch, so that a
 * live engine, a dead run's journal and the simulator say the same. */
#pragma once

#include "engine/core/watch.h"

/* All but `steps`, which may be many; new reference. The caller adds what only the runtime knows:
 * engine, socket, loop_max_ms, seq. */
json_t *cut_status_head(const struct cut_runbook *rb, const struct cut_run *run,
			const struct cut_watch *watch, cut_time t, cut_time wall);
/* One member of `steps`, under its address. */
void cut_status_step(const struct cut_runbook *rb, const struct cut_run *run, uint32_t step,
		     struct cut_jw *w);
/* The whole; new reference. */
json_t *cut_status_json(const struct cut_runbook *rb, const struct cut_run *run,
			const struct cut_watch *watch, cut_time t, cut_time wall);
