/* SPDX-License-Identifier: Apache-2.0 */
/* What only a run in progress knows, for expressions in checks and gates: `metrics.errors.value`,
 * `metrics.errors.age`, `triggers.errors_high.state`. Used by the driver and by `cutover eval`. */
#pragma once

#include "engine/core/watch.h"

struct cut_live {
	const struct cut_runbook *rb;  /* borrowed */
	const struct cut_watch *watch; /* borrowed */
	cut_time now;		       /* run clock */
};

/* data is live, which must outlive the environment. */
struct cut_expr_env cut_live_env(struct cut_live *live);
