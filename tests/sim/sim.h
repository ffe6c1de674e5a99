/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: random runbooks, a random world, an engine that dies anywhere, and the rules that
 * must hold all the same. main drives it; generate, world, people and rules are its parts.
 *
 * All that happens follows from one seed, so that a failing one can be replayed with its trace. */
#pragma once

#include "engine/base/buf.h"
#include "engine/core/graph.h"
#include "engine/core/run.h"
#include "engine/core/watch.h"

/* --- random numbers: splitmix64 (Steele, Lea, Flood 2014) --- */
struct sim_rng {
	uint64_t state;
};
uint32_t sim_roll(struct sim_rng *rng, uint32_t n); /* 0 … n - 1 */
bool sim_chance(struct sim_rng *rng, uint32_t percent);
cut_time sim_between(struct sim_rng *rng, cut_time low, cut_time high);

/* --- generate.c --- */
enum { SIM_PEOPLE = 4, SIM_FIRST_UID = 1001 };
/* A runbook as JSON text, owned by the caller. */
char *sim_generate(struct sim_rng *rng);
/* What the plugin of the simulated world offers. New reference. */
json_t *sim_descriptor(void);

/* --- world.c --- */
struct sim_call { /* in flight */
	struct cut_effect fx;    /* its json is owned */
	cut_time ends;
	cut_time saves;          /* CUT_NEVER: it does not, or has */
	enum cut_status status;
	bool lands, not_sent;
};

struct sim_step {          /* what is really the case */
	bool on;           /* its effect is there */
	bool vouched;      /* a person said how it is; the engine cannot know better */
};

struct sim {
	uint64_t seed;
	bool trace;
	struct sim_rng rng;   /* of the world and its people */
	struct cut_runbook *rb;
	struct cut_graph *graph;
	struct cut_run *run;
	struct cut_watch *watch;
	struct sim_step *steps;
	cut_time t, wall_offset;
	bool calm;            /* faults have stopped */
	unsigned epoch, events, crashes, orders;

	struct {
		struct sim_call *items;
		size_t len, cap;
	} calls;
	struct {
		struct sim_record {
			char *text;    /* owned */
			bool output;
			uint32_t step; /* of an intent, else CUT_NONE */
			char key[53];
		} *items;
		size_t len, cap;
	} journal;
	size_t synced;        /* records that are on disk */
	uint32_t hash;        /* of all records ever written */
	struct {
		uint32_t *items;
		size_t len, cap;
	} evals;              /* steps whose checks are to be evaluated */
	bool need_sync;       /* a durable record is not on disk */
	bool dead;            /* the engine, just now */
	bool ended;           /* END was seen */
	bool partial;         /* a rollback to some point was ordered */
	unsigned ticks;       /* in a row that changed nothing */
	unsigned next_crash;  /* number of an event */
	cut_time next_person, calm_at;
	cut_time next_sample;
	double level;          /* of the metric */
	struct cut_buf fault;  /* the first rule that was broken */
};

struct sim_result {
	bool ok;
	uint32_t hash;           /* of the trace */
	enum cut_run_state state;
	unsigned events, crashes, orders;
};

/* Plays one seed. The catalog outlives it. */
struct sim_result sim_play(uint64_t seed, const struct cut_catalog *catalog, bool trace);
void sim_fault(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_say(const struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool sim_failed(const struct sim *sim);
/* Feeds an event and whatever the watch makes of it; false: refused. */
bool sim_feed(struct sim *sim, struct cut_event ev);

/* --- calls.c --- */
void sim_call_start(struct sim *sim, struct cut_effect *fx); /* takes its parameters */
void sim_call_cancel(struct sim *sim, uint32_t step);
void sim_call_land(struct sim *sim, const struct sim_call *call); /* what it does to the world */
struct sim_call *sim_call_next(struct sim *sim, cut_time *ret_at); /* or NULL */
void sim_call_end(struct sim *sim, struct sim_call *at);
void sim_call_save(struct sim *sim, struct sim_call *call);

/* --- people.c --- */
void sim_person(struct sim *sim); /* somebody does something */

/* --- replay.c --- */
/* A new run from the journal; its outputs must be those of the journal, byte for byte. What a torn
 * tail lacks of the last event's outputs is appended. */
void sim_replay(struct sim *sim, struct cut_run **ret_run, struct cut_watch **ret_watch,
                bool *ret_ended);
void sim_journal_output(struct sim *sim, const struct cut_effect *fx, const struct cut_event *ev);

/* --- rules.c --- */
void sim_rule_call(struct sim *sim, const struct cut_effect *fx); /* before it is sent */
void sim_rule_after(struct sim *sim);                             /* each event */
void sim_rule_end(struct sim *sim);
