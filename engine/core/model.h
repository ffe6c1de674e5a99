/* SPDX-License-Identifier: Apache-2.0 */
/* A runbook as plain data: phases, steps, metrics, triggers, acceptance, approvals, window. Made by
 * runbook/load, checked by core/check, read by everything else and never changed afterwards.
 *
 * Everything that is known at load time is resolved: foreach is expanded, `${{ params… }}` is put
 * in, names are indices. Only templates and expressions over a run's own values remain. */
#pragma once

#include "engine/base/doc.h"
#include "engine/base/time.h"
#include "engine/core/catalog.h"
#include "engine/core/expr.h"

#define CUT_NONE UINT32_MAX /* of an index: there is none */

struct cut_mark { /* where it was written; line 0: nowhere */
	uint32_t line;
	uint16_t column;
};

/* Text with ${{ }} in it. One part of kind expr alone (whole): the value keeps its type. */
struct cut_template {
	struct cut_template_part {
		const char *text;      /* literal, when expr is NULL */
		struct cut_expr *expr; /* owned by the runbook */
	} * parts;
	uint32_t len;
	bool whole;
};

/* The loop variables that an instance of a foreach sees, innermost first. */
struct cut_scope {
	const char *name; /* "share" */
	json_t *value;	  /* owned by the runbook; for a map {"key": …, "value": …} */
	const struct cut_scope *outer; /* or NULL */
};

/* A parameter that is only known during the run: put into a copy of params at dispatch. */
struct cut_dynamic {
	const char *pointer; /* RFC 6901, "/records/0/values/0" */
	enum cut_type type;  /* what the value must become (core/value.h) */
	const char *range;
	struct cut_template value;
};

struct cut_retry {
	unsigned limit; /* further attempts */
	cut_time delay, max;
	double factor;
	bool jitter;
};

struct cut_poll {
	cut_time every;		/* 0: no poll */
	unsigned stable, limit; /* limit 0: none */
};

/* One call of an action, wherever it stands: a step, its verify, its rollback, a test. */
struct cut_body {
	const struct cut_catalog_action *action; /* borrowed from the catalog */
	const char *uses;			 /* "dns.set_ttl", "exec", "check" */
	json_t *params; /* among the runbook's values: typed, defaults filled; NULL for check */
	struct cut_dynamic *dynamic;
	uint32_t dynamic_len;
	uint32_t that_len;
	struct cut_expr **that; /* check: all must be true */
	const char **that_text;
	struct cut_output {
		const char *name;
		enum cut_type type;
	} * outputs; /* declared by the step; NULL: the action's own table */
	uint32_t outputs_len;
	enum cut_class class;
	uint32_t effects; /* CUT_READ … of plugin.h, after what the step says */
	uint32_t ops;	  /* CUT_HAS_… after what the step says (exec: observe, plan) */
	cut_time timeout; /* of one attempt */
	const struct cut_retry *retry;
};

enum cut_step_kind {
	CUT_STEP_ACTION, /* an action of a plugin */
	CUT_STEP_CHECK,	 /* evaluated by the engine itself */
	CUT_STEP_WAIT,
	CUT_STEP_APPROVE,
	CUT_STEP_MANUAL,
};

enum cut_on_failure {
	CUT_FAIL_PAUSE,
	CUT_FAIL_HOLD,
	CUT_FAIL_ROLLBACK,
	CUT_FAIL_CONTINUE,
	CUT_FAIL_ABORT
};
enum cut_undo { CUT_UNDO_AUTO, CUT_UNDO_BODY, CUT_UNDO_NOT_NEEDED, CUT_UNDO_IMPOSSIBLE };
enum cut_gate_end { CUT_GATE_PAUSE, CUT_GATE_ROLLBACK, CUT_GATE_ABORT };

/* A point in time: absolute, relative to the window, or none. */
struct cut_when {
	enum { CUT_WHEN_NONE, CUT_WHEN_AT, CUT_WHEN_OPENS, CUT_WHEN_CLOSES } base;
	cut_time at; /* wall, or the signed offset from opens or closes */
};

struct cut_wait {
	cut_time length;	       /* "for"; CUT_NEVER when only until is given */
	struct cut_template *for_text; /* length known during the run only; else NULL */
	uint32_t since; /* step index: counts from its end; CUT_NONE: from the start */
	struct cut_when until;
	bool clean;
};

struct cut_approve {
	uint32_t *roles; /* indices */
	uint32_t roles_len;
	const char *message;
	struct cut_template *message_text; /* with values of the run, or NULL */
	struct cut_expr **checks;
	const char **checks_text;
	uint32_t checks_len;
	cut_time expires;
	enum cut_gate_end on_expiry, on_decline;
};

struct cut_manual {
	const char *instructions;
	uint32_t role; /* CUT_NONE: any operator */
	const char **evidence;
	uint32_t evidence_len;
};

/* `needs` and friends: a step, or a group (all of it, both ways). */
struct cut_need {
	bool group;
	uint32_t index;
};

struct cut_temporary {	       /* a step whose effect ends with the run, or earlier */
	struct cut_need until; /* index CUT_NONE: the end of the run */
	uint32_t until_phase;  /* or CUT_NONE */
	cut_time backstop;     /* CUT_NEVER: none */
};

struct cut_prose { /* what people read; each or NULL */
	const char *title, *description, *owner, *if_fails, *undo_reason;
};

/* There are many, and every walk over all of them goes through memory: the first 64 bytes, a line
 * of the cache, are what walks look at, and what few steps have is behind a pointer. */
struct cut_step {
	const char *address;	/* "ladder/25/shift"; the identity of the step everywhere */
	uint32_t phase;		/* index */
	uint32_t group;		/* innermost group, or CUT_NONE */
	struct cut_need *needs; /* as written, or from `order` */
	uint32_t needs_len;
	enum cut_step_kind kind : 8;
	enum cut_on_failure on_failure : 8;
	enum cut_undo undo : 8;	  /* after the implications of effects */
	bool interrupt_waits : 1; /* on_interrupt: wait */
	bool point_of_no_return : 1;
	const struct cut_scope *scope;	 /* loop variables for its expressions, or NULL */
	struct cut_expr *cond;		 /* `if`; NULL: true */
	struct cut_temporary *temporary; /* or NULL */
	struct cut_body body;		 /* ACTION, CHECK; MANUAL uses effects and class of it */
	union {
		struct cut_wait *wait;
		struct cut_approve *approve;
		struct cut_manual *manual;
	};
	struct cut_poll poll;
	cut_time deadline;			  /* of all attempts together; CUT_NEVER: none */
	struct cut_body *undo_body, *verify_body; /* or NULL */
	cut_time planned;			  /* CUT_NEVER: unknown */
	struct cut_when not_before;
	const char **locks;
	uint32_t locks_len;
	const char *environment; /* "blue", "green" or NULL */
	const struct cut_prose *prose;
};

_Static_assert(sizeof(struct cut_step) == 256, "lines of the cache are not shared");

/* A plain group adds nothing to the addresses of its steps; an instance of a foreach does. */
struct cut_group {
	const char *address; /* "ladder", "ladder/25" */
	const char *title;
	uint32_t parent; /* or CUT_NONE */
	uint32_t phase;
	bool foreach;	       /* its children are instances */
	unsigned max_parallel; /* of its children; 0: no limit of its own */
	struct cut_need *needs;
	uint32_t needs_len;
	struct cut_expr *cond;
	const struct cut_scope *scope; /* for cond, or NULL */
	const char *environment;
};

/* Tests, checks before and after a rollback, and `finally` are phases of their own kind, so that
 * one dispatcher runs them all. */
enum cut_phase_role {
	CUT_PHASE_FORWARD,
	CUT_PHASE_TESTS,
	CUT_PHASE_READY,
	CUT_PHASE_VERIFY,
	CUT_PHASE_FINALLY
};

struct cut_window {
	cut_time opens, closes; /* wall; opens 0: none, closes CUT_NEVER: none */
	enum { CUT_OVERRUN_PAUSE, CUT_OVERRUN_ROLLBACK, CUT_OVERRUN_CONTINUE } on_overrun;
};

struct cut_acceptance {
	bool given;
	enum { CUT_BAD_RESTART, CUT_BAD_EXTEND, CUT_BAD_FAIL } on_bad;
	enum { CUT_DEADLINE_ASK, CUT_DEADLINE_ROLLBACK } on_deadline;
	unsigned max_bad;
	cut_time clean_for, settle; /* settle CUT_NEVER: longest tail of the stage */
	cut_time tests_every;	    /* CUT_NEVER: only when the clock is full */
	cut_time deadline;	    /* CUT_NEVER: none */
	double coverage;	    /* 0.95 */
	uint32_t tests;		    /* phase of role TESTS, or CUT_NONE */
	uint32_t sign_off_len;
	uint32_t *sign_off; /* roles */
};

struct cut_phase {
	const char *id; /* "switch", "switch/tests", "rollback/ready", "finally" */
	const char *title, *description;
	enum cut_phase_role role;
	uint32_t first_step, steps_len; /* its steps stand together in rb->steps */
	unsigned max_parallel;		/* 0: defaults.max_parallel */
	struct cut_when not_before;
	struct cut_window window; /* its own, else the runbook's */
	struct cut_acceptance acceptance;
	bool point_of_no_return;
	uint32_t stage; /* counts the accepted phases before it */
};

struct cut_role_key {
	const char *member, *line; /* as in a .pub file */
	const char *fingerprint;
};

struct cut_role {
	const char *name, *contact;
	const char **members;
	uint32_t members_len;
	struct cut_role_key *keys; /* with which members may sign their votes */
	uint32_t keys_len;
	unsigned quorum;
	bool not_starter;
};

struct cut_connection {
	const char *name, *plugin, *provider;
	json_t *params; /* owned: typed, defaults filled; secrets by name */
	struct cut_mark mark;
};

struct cut_secret {
	const char *name;
	enum { CUT_SECRET_FILE, CUT_SECRET_ENV, CUT_SECRET_CREDENTIAL, CUT_SECRET_COMMAND } from;
	const char *text; /* path, variable, credential */
	json_t *argv;	  /* owned: command */
	struct cut_mark mark;
};

struct cut_metric {
	const char *id;
	const struct cut_catalog_action *meter;
	json_t *params; /* owned */
	cut_time every, timeout, max_age;
	double min_events;
	const char *unit, *environment;
	struct cut_mark mark;
};

struct cut_bound { /* {above}, {below}, {outside} */
	enum { CUT_BOUND_NONE, CUT_BOUND_ABOVE, CUT_BOUND_BELOW, CUT_BOUND_OUTSIDE } kind;
	double low, high; /* above: high; below: low; outside: both, ends are good */
};

enum cut_then { CUT_THEN_ROLLBACK, CUT_THEN_PAUSE, CUT_THEN_NOTIFY };

struct cut_trigger {
	const char *id;
	uint32_t metric;	 /* CUT_NONE only in `trigger test` */
	cut_time every, max_age; /* the metric's */
	double min_events;
	struct cut_bound bad, clear; /* clear NONE: not bad */
	enum {
		CUT_PERSIST_FOR,
		CUT_PERSIST_CONSECUTIVE,
		CUT_PERSIST_M_OF_N,
		CUT_PERSIST_TOTAL
	} persist;
	cut_time for_time;
	unsigned m, n; /* consecutive and total: n */
	cut_time keep, warmup;
	uint32_t from,
		until; /* step: first, last instance; CUT_NONE: run's first / stage's acceptance */
	enum { CUT_MISSING_HOLD, CUT_MISSING_BAD, CUT_MISSING_GOOD } missing;
	cut_time max_gap, blind_after;
	enum cut_then on_blind, then;
	bool shadow;
	struct cut_mark mark;
};

struct cut_downtime {
	const char *id;
	uint32_t from, to; /* steps */
	bool outage;	   /* else read_only */
	cut_time limit;	   /* CUT_NEVER: none */
	enum { CUT_LIMIT_PAGE, CUT_LIMIT_PAUSE, CUT_LIMIT_ROLLBACK } on_limit;
};

struct cut_notify {
	const char *webhook;
	json_t *argv;	 /* owned, or NULL */
	const char **on; /* record types; NULL-terminated, NULL: pages only */
	struct cut_when *at;
	uint32_t at_len;
	cut_time every; /* CUT_NEVER */
	const char *text;
};

struct cut_client {
	const char *id, *what, *owner;
	struct cut_when due;
};

/* A thing written in the runbook whose machinery is of a later version: `run` refuses it. */
struct cut_unsupported {
	const char *what;
	struct cut_mark mark;
};

struct cut_parameter { /* declared; its value is in rb->parameters */
	const char *name;
	enum cut_type type;
};

struct cut_graph;

struct cut_runbook {
	struct cut_arena arena;		   /* owns every text and array below */
	struct cut_doc *doc;		   /* owned: its texts are borrowed below */
	const struct cut_catalog *catalog; /* borrowed */
	char sha256[65];		   /* identity; "" until cut_runbook_identity */
	const char *file, *folder;	   /* absolute folder: working folder of commands */
	const char *name, *title, *description, *owner, *ticket;
	json_t *links;
	json_t *step_links;		/* owned: address → map; or NULL */
	json_t *parameters;		/* owned: name → resolved typed value */
	struct cut_parameter *declared; /* their types, for expressions (core/names.h) */
	uint32_t declared_len;
	json_t *environments; /* owned */
	json_t *objectives;   /* owned: {rpo, rto, downtime, sla} in seconds; or NULL */
	json_t *inventory; /* owned: strategy, fqdns, data, network, waive: for lint and report */
	json_t *authority; /* owned: {freeze: [roles], …} */
	struct cut_window window;
	const char **locks;
	uint32_t locks_len;
	unsigned max_parallel;				   /* defaults.max_parallel */
	unsigned rollback_max_parallel;			   /* 4 */
	bool rollback_continues;			   /* rollback.on_failure: continue */
	uint32_t ready_phase, verify_phase, finally_phase; /* or CUT_NONE */

	struct cut_step *steps;
	uint32_t steps_len; /* all roles */
	struct cut_group *groups;
	uint32_t groups_len;
	struct cut_phase *phases; /* forward ones first, in order */
	uint32_t phases_len, forward_len;
	struct cut_role *roles;
	uint32_t roles_len;
	struct cut_connection *connections;
	uint32_t connections_len;
	struct cut_secret *secrets;
	uint32_t secrets_len;
	struct cut_metric *metrics;
	uint32_t metrics_len;
	struct cut_trigger *triggers;
	uint32_t triggers_len;
	struct cut_downtime *downtimes;
	uint32_t downtimes_len;
	struct cut_notify *notifies;
	uint32_t notifies_len;
	struct cut_client *clients;
	uint32_t clients_len;
	struct cut_unsupported *unsupported;
	uint32_t unsupported_len;

	/* What the texts of doc name: a step or group by its address, a phase by its id. */
	struct cut_by_text places, phase_ids;

	struct cut_graph *graph; /* owned: made when the runbook was checked (core/graph.h) */
	/* What the arena cannot free: each parsed expression once; parameters of bodies and values
	 * of loop variables. */
	struct {
		struct cut_expr **items;
		size_t len, cap;
	} exprs;
	struct {
		json_t **items;
		size_t len, cap;
	} values;
};

void cut_runbook_free(struct cut_runbook *rb);
CUT_CLEANUP(cut_runbook, struct cut_runbook *, cut_runbook_free)

/* Gives the text as a name, while the model is made; false: somebody has it already. */
bool cut_runbook_name_place(struct cut_runbook *rb, uint32_t text, struct cut_need place);
bool cut_runbook_name_phase(struct cut_runbook *rb, uint32_t text, uint32_t phase);
/* What has the text as its address: false when nothing has. */
bool cut_runbook_place(const struct cut_runbook *rb, uint32_t text, struct cut_need *ret);
/* The step at an address; CUT_NONE: there is none. */
uint32_t cut_runbook_address(const struct cut_runbook *rb, const char *address);
/* A step by the name that an expression or a `needs` in `group` uses: siblings plainly, from the
 * inside out, then the address. CUT_NONE: no such step. */
uint32_t cut_runbook_step(const struct cut_runbook *rb, uint32_t group, const char *name);
/* The same for groups: the plain id of a foreach is the group of all its instances. */
uint32_t cut_runbook_group(const struct cut_runbook *rb, uint32_t group, const char *name);
uint32_t cut_runbook_phase(const struct cut_runbook *rb, const char *id); /* or CUT_NONE */
/* What a step undoes: has it an effect that a rollback would take back? */
static inline bool cut_step_writes(const struct cut_step *step)
{
	return (step->body.effects & (CUT_WRITE | CUT_TRAFFIC | CUT_DESTROY)) != 0;
}
