/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: random runbooks in a random world, driven by the engine's own driver, journal,
 * calls and take-up. The machine below them is ours: its clocks, its disk, its plugin hosts, and
 *the moment at which it dies.
 *
 *	world (time, faults) ─► engine (a process: the real runtime on a simulated struct cut_world)
 *	                         ├─► disk (what was synced, and what only seemed to be)
 *	                         └─► host (calls, what of them lands) ─► rules (what must hold)
 *
 * All that happens follows from one seed, so that a failing one can be replayed with its trace. */
#pragma once

#include "engine/base/buf.h"
#include "engine/core/catalog.h"
#include "engine/core/graph.h"
#include "engine/core/watch.h"
#include "engine/runtime/driver.h"
#include "engine/runtime/replay.h"
#include "engine/runtime/world.h"

struct sim;
struct sim_engine;

/* --- random numbers: splitmix64 (Steele, Lea, Flood 2014) --- */
struct sim_rng {
	uint64_t state;
};
uint32_t sim_roll(struct sim_rng *rng, uint32_t n); /* 0 … n - 1 */
bool sim_chance(struct sim_rng *rng, uint32_t percent);
cut_time sim_between(struct sim_rng *rng, cut_time low, cut_time high);

/* --- generate.c, generate_steps.c --- */
enum { SIM_PEOPLE = 4, SIM_FIRST_UID = 1001 };
#define SIM_WALL ((cut_time)1800000000000) /* 2027: when every run is armed */
/* A runbook as JSON text, owned by the caller. */
char *sim_generate(struct sim_rng *rng);
/* What the plugin of the simulated world offers. New reference. */
json_t *sim_descriptor(void);

/* --- disk.c --- */
struct sim_file;
struct sim_fd {
	struct sim_file *file; /* borrowed; NULL: the directory */
	bool direct;
};

struct sim_disk {
	struct {
		CUT_VEC(struct sim_file *);
	} files;
	struct {
		CUT_VEC(struct sim_fd);
	} fds;
	bool full; /* nothing more can be reserved */
};
extern const struct cut_journal_io sim_disk_io;
void sim_disk_enter(struct sim_engine *engine); /* whose calls come from now on */
void sim_disk_power_cut(struct sim *sim); /* what was not synced may be there, or not, or torn */
/* Is a line with both texts on the medium itself? */
bool sim_disk_holds(const struct sim *sim, const char *a, const char *b);
void sim_disk_done(struct sim_disk *disk);

/* --- engine.c --- */
struct sim_job { /* on the engine's other thread */
	struct cut_work *work;
	cut_time runs, done;
	bool ran;
};

struct sim_engine { /* a process */
	struct cut_world world;
	struct sim *sim;
	unsigned number;
	bool resume, dead, over;
	bool unpowered;	       /* dead, as all of its machine */
	cut_time wakes;	       /* boot clock */
	cut_time paused_until; /* stopped by a signal, or starved */
	struct cut_run *run;
	struct cut_watch *watch;
	struct cut_replay replay;
	struct cut_journal *journal;
	struct cut_calls *calls;
	struct cut_driver *driver;
	struct cut_wallwatch *wallwatch; /* owned; NULL: none */
	struct {
		CUT_VEC(struct cut_hostlink *);
	} links; /* owned */
	struct {
		CUT_VEC(struct sim_job);
	} jobs;
	struct sim_engine *next; /* in sim->engines */
};
struct sim_engine *sim_engine_start(struct sim *sim, bool resume);
/* Buries a dead engine, or one that is over; nothing of it reaches the world any more. */
void sim_engine_free(struct sim_engine *engine);
/* When it would do something, and does it. */
cut_time sim_engine_next(const struct sim_engine *engine);
void sim_engine_turn(struct sim_engine *engine);
void sim_engine_set_clock(struct sim_engine *engine); /* the wall clock has jumped */

/* --- host.c --- */
enum sim_call_kind { SIM_READ, SIM_APPLY, SIM_UNDO, SIM_OBSERVE, SIM_SAMPLE };
struct sim_call { /* in flight at a host */
	uint64_t id;
	enum sim_call_kind kind;
	uint32_t step; /* or metric */
	unsigned attempt;
	char key[53];
	cut_time saves, lands, replies, overdue; /* CUT_NEVER: it does not */
	enum cut_status status;
	bool wants_save;
};
struct cut_hostlink {
	struct sim_engine *engine;
	struct cut_hostlink_events events;
	cut_time ready, gone; /* CUT_NEVER: it was; it is not yet */
	cut_time again;	      /* it repeats an answer; CUT_NEVER: it does not */
	struct {
		CUT_VEC(struct sim_call);
	} flights;
};
int sim_host_start(struct cut_world *world, const struct cut_hostlink_options *options,
		   const struct cut_hostlink_events *events, struct cut_hostlink **ret,
		   struct cut_err *err);
int sim_host_call(struct cut_hostlink *link, const struct cut_hostcall *call);
void sim_host_cancel(struct cut_hostlink *link, uint64_t call);
void sim_host_saved(struct cut_hostlink *link, uint64_t call, const json_t *first);
void sim_host_stop(struct cut_hostlink *link);
void sim_host_kill(struct cut_hostlink *link); /* what is in flight lands or does not */
/* When something of it lands, and that; when it has something for its engine, and that. */
cut_time sim_host_lands(const struct cut_hostlink *link);
void sim_host_land(struct cut_hostlink *link);
cut_time sim_host_next(const struct cut_hostlink *link);
void sim_host_turn(struct cut_hostlink *link); /* may free it */
void sim_host_bury(struct cut_hostlink *link); /* tells its end and frees it */

void sim_call_land(struct sim *sim, struct sim_call *call); /* what it does to the world */

/* --- world.c --- */
/* Rules of the processes around the runtime, which the simulated world keeps in their stead. */
enum sim_neglect {
	SIM_NEGLECT_NONE,
	SIM_NEGLECT_LOCK,    /* a second engine starts beside one that stands still */
	SIM_NEGLECT_FENCE,   /* hosts of a dead engine live on */
	SIM_NEGLECT_QUIESCE, /* calls are told lost before their host is buried */
	SIM_NEGLECT_ONCE,    /* a repeated answer is taken for that of the next call */
};

struct sim_step {	 /* what is really the case */
	bool on;	 /* its effect is there */
	char key[53];	 /* of the apply that made it so */
	bool by_hand;	 /* a person did it */
	bool may_repeat; /* the engine was told that it failed, or a person decided */
};

struct sim {
	uint64_t seed;
	bool trace;
	enum sim_neglect neglect;
	struct sim_rng rng; /* of the world and its people */
	struct cut_catalog *catalog;
	struct cut_runbook *rb;
	struct cut_graph *graph;
	cut_time now;	      /* true time */
	cut_time booted;      /* true time of the boot clock's zero */
	cut_time wall_offset; /* by which the wall clock is wrong */
	unsigned boots;
	struct sim_disk disk;
	struct sim_engine *engines; /* owned list, newest first */
	struct sim_step *steps;
	struct {
		CUT_VEC(struct sim_call);
	} orphans;		/* that land after their engine has died: a neglect */
	bool calm;		/* faults have stopped */
	bool ended;		/* an engine said so */
	bool armed;		/* told so: the run exists */
	bool rough;		/* there are faults even before */
	bool partial;		/* a rollback to some point was ordered */
	bool wants_restart;	/* somebody ordered it */
	uint64_t promised;	/* highest sequence that anybody was told to be durable */
	unsigned ios, crash_at; /* the table's calls so far; the one at which the engine dies */
	unsigned turns, crashes, orders, calls, starts;
	cut_time next_person, next_fault, next_start, calm_at; /* true time */
	double level;					       /* of the metric */
	uint32_t hash;					       /* of all that happened */
	struct cut_buf fault;				       /* the first rule that was broken */
	enum cut_run_state state;			       /* in which it ended */
};

struct sim_result {
	bool ok;
	uint32_t hash; /* of the trace */
	enum cut_run_state state;
	unsigned turns, crashes, orders, calls;
	cut_time lasted;
	char fault[160];
};

struct sim_options {
	struct cut_catalog *catalog; /* outlives it */
	enum sim_neglect neglect;
	bool trace, quiet;
};

struct sim_result sim_play(uint64_t seed, const struct sim_options *options);

void sim_fault(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool sim_failed(const struct sim *sim);
bool sim_faulty(const struct sim *sim); /* may anything go wrong now? */
/* A line of the trace; it counts for the hash, too. */
void sim_say(struct sim *sim, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Before everything that an engine asks of its machine: false where the engine is dead, which it
 * may have become just now. */
bool sim_alive(struct sim_engine *engine);
void sim_crash(struct sim_engine *engine, bool power);
struct sim_engine *sim_leader(const struct sim *sim); /* the engine people talk to, or NULL */
cut_time sim_boot(const struct sim *sim);
cut_time sim_wall(const struct sim *sim);

/* --- people.c --- */
void sim_person(struct sim *sim); /* somebody does something */

/* --- rules.c --- */
void sim_rule_call(struct sim_engine *engine, const struct sim_call *call); /* a host gets it */
void sim_rule_land(struct sim *sim, const struct sim_call *call);	    /* it takes effect */
void sim_rule_promise(struct sim_engine *engine, uint64_t seq);		    /* told durable */
void sim_rule_turn(struct sim_engine *engine);
void sim_rule_takeup(struct sim_engine *engine); /* its journal is read */
void sim_rule_end(struct sim *sim, struct sim_engine *engine);

/* --- audit.c --- */
/* The journal by itself, at the end: is every attempt intended once and resolved once, and none
 * repeated blindly? */
void sim_audit(struct sim *sim);

/* --- mutants.c --- */
/* Takes the rules away in turn; true where each that bites was missed by somebody within that many
 * seeds. */
bool sim_mutants(struct cut_catalog *catalog, uint64_t seeds);
