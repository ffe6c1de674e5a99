/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of a runbook for people and programs: Graphviz, JSON, text, with the critical path
 * marked. Called by `cutover graph`; pure, nothing recurses. */
#pragma once

#include "engine/core/graph.h"

void cut_graph_dot(const struct cut_graph *graph, const struct cut_runbook *rb,
		   struct cut_buf *out);
/* {"runbook", "phases": [{"id", "steps": [ids]}], "steps": [{"id", "phase", "group", "uses",
 * "needs", "planned_s", "critical"}], "groups": [{"id", "phase", "parent", "foreach", "needs"}],
 * "edges": [[from, to]], "critical_path": [ids], "forward_s"}; new reference. */
json_t *cut_graph_json(const struct cut_graph *graph, const struct cut_runbook *rb);
void cut_graph_text(const struct cut_graph *graph, const struct cut_runbook *rb,
		    struct cut_buf *out);
/* Names of what a step or group needs, as a JSON list; new reference. */
json_t *cut_needs_json(const struct cut_runbook *rb, const struct cut_need *needs, uint32_t len);
