/* SPDX-License-Identifier: Apache-2.0 */
/* The language as tables: a row a key with its kind, bounds, default and help. The rows are in
 * table_*.c; the loader, the schema and the docs read them. Private to engine/runbook. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum load_kind {
	LOAD_TEXT,     /* const char * */
	LOAD_ID,       /* const char *, [a-z][a-z0-9_]* up to 64 */
	LOAD_BOOL,     /* bool */
	LOAD_UINT,     /* unsigned; range "min..max" */
	LOAD_NUMBER,   /* double */
	LOAD_PERCENT,  /* double, 2% is 0.02 */
	LOAD_DURATION, /* cut_time; fallback "none" is CUT_NEVER */
	LOAD_SIZE,     /* inventory only */
	LOAD_WORD,     /* unsigned: which word of the range "a|b|c" */
	LOAD_CHOICE,   /* const char *: one of the range */
	LOAD_WHEN,     /* struct cut_when */
	LOAD_TEXTS,    /* const char ** followed by uint32_t: one or a list */
	LOAD_EXPR,     /* struct cut_expr * */
	LOAD_NODE,     /* uint32_t: read afterwards; shape says what it may be */
};

/* What a LOAD_NODE is, for the schema and for inventories. */
enum load_shape {
	SHAPE_ANY,
	SHAPE_TABLE, /* a map with the keys of `table` */
	SHAPE_LIST,  /* a list of those */
	SHAPE_MAP,   /* name → one of those */
	SHAPE_TEXT_MAP,
	SHAPE_ANY_MAP,
	SHAPE_ARGV,
	SHAPE_TEXTS,
	SHAPE_WORD_OR_TABLE, /* a word of the range, or a map */
	SHAPE_WORDS,	     /* one or a list of words of the range */
	SHAPE_BODY,	     /* `with`: by the action */
	SHAPE_EXPRS,
	SHAPE_NUMBERS,
	SHAPE_DURATION_OR_WORD,
	SHAPE_DURATION_OR_TABLE,
	SHAPE_BOOL_OR_TABLE,
	SHAPE_TIMES,
};

enum {
	LOAD_REQUIRED = 1u << 0,
	LOAD_LATER = 1u << 1, /* ‡: checked; `run` refuses it */
	LOAD_NOTED = 1u << 2, /* °: kept in the inventory */
};

enum load_table_id {
	T_RUNBOOK,
	T_OBJECTIVES,
	T_PARAMETER,
	T_SECRET,
	T_WINDOW,
	T_ROLE,
	T_AUTHORITY,
	T_SIGN_OFF,
	T_FQDN,
	T_CLIENT,
	T_DATA,
	T_NETWORK,
	T_METRIC,
	T_BASELINE,
	T_TRIGGER,
	T_BOUND,
	T_MISSING,
	T_MITIGATE,
	T_BURN_RATE,
	T_ACCEPTANCE,
	T_DOWNTIME,
	T_DEFAULTS,
	T_ROLLBACK,
	T_NOTIFY,
	T_WAIVE,
	T_PHASE,
	T_STEP,
	T_BODY,
	T_WAIT,
	T_APPROVE,
	T_MANUAL,
	T_FOREACH,
	T_RETRY,
	T_POLL,
	T_TEMPORARY,
	T_EMERGENCY,
	T_TABLES
};

struct load_key {
	const char *name;
	uint8_t kind, flags, shape, table; /* table: load_table_id, for LOAD_NODE */
	uint16_t offset;		   /* in the draft */
	const char *fallback;		   /* as it would be written; "none": see the kind */
	const char *range;		   /* words "a|b" or numbers "min..max" */
	const char *help;
};

struct load_table {
	const char *what; /* "a step" */
	const struct load_key *keys;
	size_t len;
	size_t size; /* of the draft */
};
extern const struct load_table *const load_tables[T_TABLES];
extern const struct load_table load_table_runbook, load_table_objectives, load_table_parameter,
	load_table_secret, load_table_window, load_table_role, load_table_authority,
	load_table_sign_off, load_table_fqdn, load_table_client, load_table_data,
	load_table_network, load_table_metric, load_table_baseline, load_table_trigger,
	load_table_bound, load_table_missing, load_table_mitigate, load_table_burn_rate,
	load_table_acceptance, load_table_downtime, load_table_defaults, load_table_rollback,
	load_table_notify, load_table_waive, load_table_phase, load_table_step, load_table_body,
	load_table_wait, load_table_approve, load_table_manual, load_table_foreach,
	load_table_retry, load_table_poll, load_table_temporary, load_table_emergency;
