/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted world around one run: a small runbook, events played into the machine, and a readable
 * trace of what it asks for. Used by the tests of the core.
 *
 *	struct world *w = world_new("steps:\n  - {id: a, uses: t.write}\n");
 *	world_start(w);
 *	expect_trace(w, "[     0] run running: started by alice\n"
 *	                "          a: apply 1, after its intent\n");
 *	world_ok(w, "a");
 *	world_free(w);
 *
 * Freeing a world feeds its journal, as text, to a second machine and compares all that it puts
 * out byte for byte: each test is a test of the replay as well. */
#pragma once

#include "engine/core/run.h"

struct world;

/* The actions: t.read, t.write (saves nothing, declarative), t.saves (saves, verifies, observes),
 * t.probe (observes), t.dedup, t.look (dedup that observes), t.opaque, t.traffic, t.get (reads;
 * outputs old and tail), exec, check. `cutover: v1` and a name are put before the text. */
struct world *world_new(const char *runbook);
void world_free(struct world *w);
/* The runbook alone; the catalog, empty before, is the caller's to end. */
struct cut_runbook *world_load(const char *runbook, struct cut_catalog *catalog);
/* More of the armed record: {"until": …}; call before world_start. */
void world_armed(struct world *w, const char *json);
void world_quiet(struct world *w); /* no trace: for large graphs */
void world_start(struct world *w); /* arms as alice (uid 1001) and starts at 0 */

struct cut_run *world_run(struct world *w);
const struct cut_runbook *world_runbook(struct world *w);
const struct cut_graph *world_graph(struct world *w);
uint32_t world_step(struct world *w, const char *address);

/* Lets time pass to t, waking the machine whenever it wants. */
void world_at(struct world *w, cut_time t);
void world_jump(struct world *w, cut_time ms); /* the wall clock */
/* Time that passes unseen: what comes next is fed before the machine was woken for it. */
void world_sleep(struct world *w, cut_time t);

/* What happened. All at the world's present time; the operation that is in flight is meant. */
void world_outcome(struct world *w, const char *step, enum cut_status status, const char *text,
		   const char *data);
void world_ok(struct world *w, const char *step);
void world_fail(struct world *w, const char *step);			/* "broken" */
void world_lost(struct world *w, const char *step, bool not_sent);	/* UNKNOWN */
void world_saved(struct world *w, const char *step, const char *state); /* JSON */
void world_trigger(struct world *w, const char *id, enum cut_trigger_state state);
void world_accept(struct world *w, const char *phase, enum cut_acceptance_state state, bool tests);
void world_crash(struct world *w); /* the engine dies and a new one goes on */
/* 0, or what the machine refuses it with; the refusal goes into the trace. */
int world_vote(struct world *w, const char *gate, int64_t uid, bool approve);
int world_vote_values(struct world *w, const char *gate, int64_t uid, const char *values);
int world_order(struct world *w, enum cut_order order, const char *target, const char *args);
/* Answers every call with OK until nothing is in flight; returns how many. */
unsigned world_answer_all(struct world *w);
/* Ends the oldest call in flight; false: there is none. */
bool world_end_one(struct world *w, enum cut_status status);
/* Any event, as the driver feeds it: 0 or the refusal, told in err. */
int world_feed(struct world *w, struct cut_event *ev, struct cut_err *err);

/* Compares what came since the last look, and forgets it. */
void expect_trace_(struct world *w, const char *want, const char *file, int line);
#define expect_trace(w, want) expect_trace_((w), (want), __FILE__, __LINE__)
void world_forget(struct world *w);    /* what came until now is of no interest */
unsigned world_pages(struct world *w); /* how many went out to people */
/* Is there such a line among what came since the last look? */
bool world_saw(struct world *w, const char *part);
