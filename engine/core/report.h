/* SPDX-License-Identifier: Apache-2.0 */
/* What happened in a run, as a fold: timeline planned against actual, decisions with their
 * evidence, downtime, what the objectives came to. Used by `cutover report`; rendered in cli. */
#pragma once

#include "engine/core/watch.h"

/* records: the journal's, those of cut_report_wants at least, each with "seq". New reference:
 * {"run", "runbook", "title", "ticket", "starter", "state", "exit_code", "started", "ended",
 *  "elapsed_s", "runbook_sha256", "plan_sha256",
 *  "timeline": [{"step", "phase", "state", "attempts", "started", "ended", "duration_s",
 * "planned_s", "reason"}], "decisions": [{"seq", "at", "type", "who", "what", "why", "evidence"}],
 *  "downtime": {id: {"elapsed_s", "limit_s", "within"}},
 *  "objectives": {"rpo"|"rto"|"downtime": {"wanted_s", "achieved_s", "met"}},
 *  "unclosed": [steps], "left": [{"step", "reason", "by_hand"}]}; left: what has ended but stands
 * as it should not. */
json_t *cut_report_json(const struct cut_runbook *rb, struct cut_run *run, const json_t *records,
			cut_time t);
/* " --accept-loss": what an order was given beside its target. */
void cut_order_say_options(const json_t *args, struct cut_buf *out);
/* Is a record of this kind part of a report's decisions? */
bool cut_report_wants(const json_t *record);
