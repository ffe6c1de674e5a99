/* SPDX-License-Identifier: Apache-2.0 */
/* How things look to people: a record as a line, a run as a compact view, a plan. Pure: JSON or
 * model in, text out, never wider than 80 columns. Used by watch, status, logs, run, plan,
 * rollback. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/core/graph.h"

/* "02:14:05 shift/25 succeeded in 4.2s" from the text of a record; false where a record says
 * nothing to people. */
bool cut_render_record(const char *json, size_t len, struct cut_buf *out);
/* The view of `status` and `watch`, from the JSON of `status --output json`. lines: that there is
 * room for; where that is not enough, what is quiet shares a line. */
void cut_render_status(const json_t *status, bool color, size_t columns, size_t lines,
		       struct cut_buf *out);
/* The part of it that waits for people. */
void cut_render_people(const json_t *status, size_t columns, struct cut_buf *out);
/* What each step would do: plans as runtime/planner gives them. */
void cut_render_plan(const struct cut_runbook *rb, const struct cut_graph *graph,
		     const json_t *plans, struct cut_buf *out);
/* What a rollback would do, from cut_run_rollback_preview's JSON. */
void cut_render_rollback(const json_t *preview, struct cut_buf *out);

/* A report (core/report.h) as text or as Markdown. */
void cut_render_report(const json_t *report, bool markdown, struct cut_buf *out);

/* What an action does, in a line: a command or request itself, of anything else its name. */
void cut_render_action(const char *uses, const json_t *params, struct cut_buf *out);
/* "HH:MM:SS" in the reader's zone, "--:--:--" for none. */
void cut_render_clock(const char *rfc3339, struct cut_buf *out);
/* "2026-11-22 02:14:05 +0100" in the reader's zone. */
void cut_render_time(const char *rfc3339, struct cut_buf *out);
/* Seconds of JSON as "3m00s"; "?" for null. */
void cut_render_seconds(const json_t *seconds, struct cut_buf *out);
