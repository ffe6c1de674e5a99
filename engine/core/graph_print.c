/* SPDX-License-Identifier: Apache-2.0 */
/* The graph as Graphviz, JSON and text. */
#include "engine/core/graph_print.h"
#include "engine/base/json.h"

#include <string.h>

struct critical {
	uint32_t *path;	       /* owned */
	uint8_t *on;	       /* owned: by step */
	uint32_t len, unknown; /* unknown: of them, how many say no duration */
	cut_time total;
};

static struct critical critical_new(const struct cut_graph *graph, const struct cut_runbook *rb)
{
	struct critical c = {.path = cut_new_array(uint32_t, rb->steps_len + 1),
			     .on = cut_new_array(uint8_t, rb->steps_len + 1)};

	c.len = cut_graph_critical(graph, rb, c.path, &c.total);
	for (uint32_t i = 0; i < c.len; i++) {
		c.on[c.path[i]] = 1;
		c.unknown += rb->steps[c.path[i]].planned == CUT_NEVER;
	}
	return c;
}

static void critical_done(struct critical *c)
{
	free(c->path);
	free(c->on);
}

static const char *need_name(const struct cut_runbook *rb, struct cut_need need)
{
	return need.group ? rb->groups[need.index].address : rb->steps[need.index].address;
}

/* --- Graphviz --- */

static void add_quoted(struct cut_buf *out, const char *text)
{
	cut_buf_add_char(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			cut_buf_add_char(out, '\\');
		cut_buf_add_char(out, *text == '\n' ? ' ' : *text);
	}
	cut_buf_add_char(out, '"');
}

static void dot_edge(struct cut_buf *out, const char *from, const char *to, const char *style)
{
	cut_buf_add_str(out, "  ");
	add_quoted(out, from);
	cut_buf_add_str(out, " -> ");
	add_quoted(out, to);
	cut_buf_printf(out, "%s;\n", style);
}

static void dot_phase(const struct cut_runbook *rb, uint32_t index, const struct critical *c,
		      struct cut_buf *out)
{
	const struct cut_phase *phase = &rb->phases[index];

	cut_buf_printf(out, "  subgraph cluster_%u {\n    label=", index);
	add_quoted(out, phase->title ? phase->title : phase->id);
	cut_buf_add_str(out, ";\n");
	for (uint32_t i = phase->first_step; i < phase->first_step + phase->steps_len; i++) {
		cut_buf_add_str(out, "    ");
		add_quoted(out, rb->steps[i].address);
		cut_buf_add_str(out, " [tooltip=");
		add_quoted(out, rb->steps[i].body.uses);
		cut_buf_add_str(out, c->on[i] ? ", color=red, penwidth=2];\n" : "];\n");
	}
	for (uint32_t i = 0; i < rb->groups_len; i++)
		if (rb->groups[i].phase == index) {
			cut_buf_add_str(out, "    ");
			add_quoted(out, rb->groups[i].address);
			cut_buf_add_str(out, " [shape=ellipse, style=dashed];\n");
		}
	cut_buf_add_str(out, "  }\n");
}

/* Between phases one edge stands for the barrier: from a last step to a first one. */
static void dot_barriers(const struct cut_runbook *rb, struct cut_buf *out)
{
	uint32_t before = CUT_NONE;

	for (uint32_t p = 0; p < rb->forward_len; p++) {
		const struct cut_phase *phase = &rb->phases[p];

		if (phase->steps_len == 0)
			continue;
		if (before != CUT_NONE) {
			const struct cut_phase *last = &rb->phases[before];
			cut_auto(cut_str) char *style = cut_printf(
				" [style=dotted, ltail=cluster_%u, lhead=cluster_%u]", before, p);

			dot_edge(out, rb->steps[last->first_step + last->steps_len - 1].address,
				 rb->steps[phase->first_step].address, style);
		}
		before = p;
	}
}

void cut_graph_dot(const struct cut_graph *graph, const struct cut_runbook *rb, struct cut_buf *out)
{
	struct critical c = critical_new(graph, rb);

	cut_buf_add_str(out, "digraph ");
	add_quoted(out, rb->name);
	cut_buf_add_str(out, " {\n  compound=true; rankdir=LR;\n  node [shape=box];\n");
	for (uint32_t p = 0; p < rb->phases_len; p++)
		dot_phase(rb, p, &c, out);
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *step = &rb->steps[i];

		for (uint32_t n = 0; n < step->needs_len; n++)
			dot_edge(out, need_name(rb, step->needs[n]), step->address,
				 c.on[i] && !step->needs[n].group && c.on[step->needs[n].index]
					 ? " [color=red, penwidth=2]"
					 : "");
		if (step->group != CUT_NONE)
			dot_edge(out, step->address, rb->groups[step->group].address,
				 " [style=dashed]");
	}
	for (uint32_t i = 0; i < rb->groups_len; i++) {
		const struct cut_group *group = &rb->groups[i];

		for (uint32_t n = 0; n < group->needs_len; n++)
			dot_edge(out, need_name(rb, group->needs[n]), group->address, "");
		if (group->parent != CUT_NONE)
			dot_edge(out, group->address, rb->groups[group->parent].address,
				 " [style=dashed]");
	}
	dot_barriers(rb, out);
	cut_buf_add_str(out, "}\n");
	critical_done(&c);
}

/* --- JSON --- */

json_t *cut_needs_json(const struct cut_runbook *rb, const struct cut_need *needs, uint32_t len)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < len; i++)
		json_array_append_new(list, json_string(need_name(rb, needs[i])));
	return list;
}

static void add_edges(json_t *edges, const struct cut_runbook *rb, const struct cut_need *needs,
		      uint32_t len, const char *to)
{
	for (uint32_t i = 0; i < len; i++)
		json_array_append_new(edges, json_pack("[s, s]", need_name(rb, needs[i]), to));
}

static json_t *phases_json(const struct cut_runbook *rb)
{
	json_t *phases = json_array();

	for (uint32_t p = 0; p < rb->phases_len; p++) {
		const struct cut_phase *phase = &rb->phases[p];
		json_t *steps = json_array();

		for (uint32_t i = 0; i < phase->steps_len; i++)
			json_array_append_new(
				steps, json_string(rb->steps[phase->first_step + i].address));
		json_array_append_new(phases,
				      json_pack("{s:s, s:o}", "id", phase->id, "steps", steps));
	}
	return phases;
}

json_t *cut_graph_json(const struct cut_graph *graph, const struct cut_runbook *rb)
{
	struct critical c = critical_new(graph, rb);
	json_t *steps = json_array(), *groups = json_array(), *edges = json_array(),
	       *path = json_array();

	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *s = &rb->steps[i];

		json_array_append_new(
			steps, json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:b}", "id", s->address,
					 "phase", rb->phases[s->phase].id, "group",
					 s->group == CUT_NONE ? NULL : rb->groups[s->group].address,
					 "uses", s->body.uses, "needs",
					 cut_needs_json(rb, s->needs, s->needs_len), "planned_s",
					 cut_json_seconds(s->planned), "critical", (int)c.on[i]));
		add_edges(edges, rb, s->needs, s->needs_len, s->address);
	}
	for (uint32_t i = 0; i < rb->groups_len; i++) {
		const struct cut_group *g = &rb->groups[i];

		json_array_append_new(
			groups,
			json_pack("{s:s, s:s, s:s?, s:b, s:o}", "id", g->address, "phase",
				  rb->phases[g->phase].id, "parent",
				  g->parent == CUT_NONE ? NULL : rb->groups[g->parent].address,
				  "foreach", (int)g->foreach, "needs",
				  cut_needs_json(rb, g->needs, g->needs_len)));
		add_edges(edges, rb, g->needs, g->needs_len, g->address);
	}
	for (uint32_t i = 0; i < c.len; i++)
		json_array_append_new(path, json_string(rb->steps[c.path[i]].address));
	critical_done(&c);
	return json_pack("{s:s?, s:o, s:o, s:o, s:o, s:o, s:o}", "runbook", rb->name, "phases",
			 phases_json(rb), "steps", steps, "groups", groups, "edges", edges,
			 "critical_path", path, "forward_s",
			 c.total > 0 ? cut_json_seconds(c.total) : json_null());
}

/* --- text --- */

static unsigned depth_of(const struct cut_runbook *rb, uint32_t group)
{
	unsigned depth = 0;

	for (; group != CUT_NONE; group = rb->groups[group].parent)
		depth++;
	return depth;
}

/* The list that a step stands in: its group, or behind those its phase. */
static uint32_t list_of(const struct cut_runbook *rb, const struct cut_step *step)
{
	return step->group != CUT_NONE ? step->group : rb->groups_len + step->phase;
}

/* In which lists steps stand side by side: there it must be said that one waits for the one above.
 * Owned by the caller. */
static uint8_t *loose_lists(const struct cut_runbook *rb)
{
	uint8_t *loose = cut_new_array(uint8_t, rb->groups_len + rb->phases_len + 1);

	for (uint32_t i = 1; i < rb->steps_len; i++)
		if (rb->steps[i].needs_len == 0 &&
		    list_of(rb, &rb->steps[i]) == list_of(rb, &rb->steps[i - 1]))
			loose[list_of(rb, &rb->steps[i])] = 1;
	return loose;
}

static void text_needs(const struct cut_runbook *rb, const struct cut_step *step, bool loose,
		       struct cut_buf *out)
{
	uint32_t self = (uint32_t)(step - rb->steps);

	if (!loose && step->needs_len == 1 && !step->needs[0].group &&
	    step->needs[0].index + 1 == self)
		return;
	for (uint32_t n = 0; n < step->needs_len; n++)
		cut_buf_printf(out, "%s%s", n ? ", " : "  after ", need_name(rb, step->needs[n]));
}

void cut_graph_text(const struct cut_graph *graph, const struct cut_runbook *rb,
		    struct cut_buf *out)
{
	struct critical c = critical_new(graph, rb);
	uint8_t *loose = loose_lists(rb);

	for (uint32_t p = 0; p < rb->phases_len; p++) {
		const struct cut_phase *phase = &rb->phases[p];

		cut_buf_printf(out, "%s\n", phase->id);
		for (uint32_t i = phase->first_step; i < phase->first_step + phase->steps_len;
		     i++) {
			const struct cut_step *step = &rb->steps[i];

			cut_buf_printf(out, "  %c ", c.on[i] ? '*' : ' ');
			for (unsigned d = depth_of(rb, step->group); d > 0; d--)
				cut_buf_add_str(out, "  ");
			cut_buf_printf(out, "%s  %s", step->address, step->body.uses);
			text_needs(rb, step, loose[list_of(rb, step)], out);
			if (step->planned != CUT_NEVER) {
				cut_buf_add_str(out, "  ");
				cut_duration_human(step->planned, out);
			}
			cut_buf_add_char(out, '\n');
		}
	}
	cut_buf_printf(out, "* critical path: %u step%s", c.len, c.len == 1 ? "" : "s");
	if (c.total > 0) {
		cut_buf_add_str(out, ", ");
		cut_duration_human(c.total, out);
	}
	if (c.unknown)
		cut_buf_printf(out, ", %u of unknown duration", c.unknown);
	cut_buf_add_char(out, '\n');
	free(loose);
	critical_done(&c);
}
