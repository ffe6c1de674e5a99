/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `compare`, from the outside in; shared by its files only.
 *
 *	compare.c   one call: tables one after the other, then the verdict
 *	columns.c   what of a table can be compared, and by which key it is walked
 *	walk.c      chunk after chunk, blue in front, green behind; what does not match is suspect
 *	recheck.c   is a suspect chunk different, or was it only written to?
 *	chunk.c     the questions of both
 *	rows.c      the rows of a chunk by key
 *	report.c    what was found, and the words for it                                        */
#pragma once

#include "sync/heartbeat.h"

enum side { BLUE, GREEN, SIDES };

enum {
	KEYS_MAX = 8,	   /* columns of a key */
	FOUND_MAX = 100,   /* differences and unchecked parts that are listed */
	SUSPECTS_MAX = 16, /* chunks that wait to be looked at again */
	RECHECKS_MAX = 5,
	ROWS_MAX = 200000, /* of one chunk that are fetched to find the different ones */
};

/* --- report.c --- */
struct report {
	json_t *differences, *unchecked; /* owned: lists */
	size_t differences_len, unchecked_len;
	int64_t rows;
	size_t tables, checked;
	bool counts_only;
	char not_marked[512]; /* why there was no heartbeat to wait for; "" where there was */
};
void report_init(struct report *report);
void report_done(struct report *report);
/* key: owned by the report from now on, NULL: the table as a whole. */
void report_difference(struct report *report, const char *table, json_t *key, const char *what);
void report_unchecked(struct report *report, const char *table, const char *column,
		      const char *reason);
/* Enough was found. */
bool report_is_full(const struct report *report);
/* Ends the call with the verdict. */
void report_end(struct report *report, struct cut_call *call, bool allow_inconclusive);

/* --- columns.c --- */
struct column {
	char *name, *quoted, *type, *cast, *element, *collation, *encoding; /* owned */
	bool is_enum, readable;
	int64_t modifier; /* of numeric: how many digits */
	int key;	  /* place in the key from 1, or 0 */
};
struct columns {
	struct column *items; /* owned */
	size_t len;
};

enum by { BY_KEY, BY_WHOLE, BY_COUNT };

/* How a table is compared. */
struct plan {
	enum by by;
	const char *label;
	const char *from[SIDES]; /* borrowed from the list of tables */
	char *row[SIDES];	 /* owned: the expression that has all of a row */
	size_t keys;
	struct plan_key {
		char *name, *order, *cast; /* owned */
	} key[KEYS_MAX];
};
void columns_ask(struct pg *pg, const char *table, pg_fn *fn, void *owner);
void columns_read(struct columns *columns, const struct pg_reply *reply);
void columns_done(struct columns *columns);
/* What cannot be compared goes into the report. Negative: nothing of it can be. */
int plan_make(struct plan *plan, const struct columns sides[SIDES], struct report *report);
void plan_done(struct plan *plan);

/* --- chunk.c --- */
struct bound {
	char *values[KEYS_MAX]; /* owned; the first NULL: no bound */
};
struct digest {
	int64_t rows, bytes;
	char hash[80];
};
struct chunk {
	struct bound lo, hi; /* above lo, up to and with hi */
	struct digest digest[SIDES];
	bool has[SIDES];
};
void chunk_ask_end(struct pg *pg, const struct plan *plan, const struct bound *lo, int64_t rows,
		   pg_fn *fn, void *owner);
void chunk_ask_digest(struct pg *pg, const struct plan *plan, enum side side,
		      const struct chunk *chunk, pg_fn *fn, void *owner);
void chunk_ask_rows(struct pg *pg, const struct plan *plan, enum side side,
		    const struct chunk *chunk, pg_fn *fn, void *owner);
void chunk_read_digest(struct digest *digest, const struct pg_reply *reply);
bool digest_same(const struct digest *a, const struct digest *b);
void bound_read(struct bound *bound, const struct plan *plan, const struct pg_reply *reply);
void bound_copy(struct bound *to, const struct bound *from);
void bound_done(struct bound *bound);
void chunk_done(struct chunk *chunk);

/* --- rows.c --- */
struct rowset {
	PGresult *rows; /* owned: hash, key … */
	int *order;	/* owned: by key */
	int len;
};
int rowset_read(struct rowset *set, const struct plan *plan, const struct pg_reply *reply);
void rowset_done(struct rowset *set);
/* blue was read before green and again after it. Returns how many rows changed on blue meanwhile,
 * so that nothing can be said about them; adds the different ones to the report where report is
 * given. */
size_t rowset_judge(const struct plan *plan, const struct rowset *before,
		    const struct rowset *green, const struct rowset *after, struct report *report);

/* --- walk.c, recheck.c: each ends with fn, text NULL or why the table could not be compared --- */
struct compare;
typedef void table_fn(struct compare *compare, const char *trouble);

enum { QUEUE_MAX = 3 };

struct walk {
	struct chunk queue[QUEUE_MAX]; /* blue works on the last, green on the first without it */
	size_t len;
	struct bound reached; /* where the next chunk begins */
	bool at_end, failed, too_large;
	bool busy[SIDES];
	int64_t chunk_rows, asked_us;
	char trouble[512];
	table_fn *fn;
};
void walk_start(struct compare *compare, table_fn *fn);
void walk_go_on(struct compare *compare); /* after the suspects were looked at */
void walk_done(struct walk *walk);

struct recheck {
	size_t at; /* which suspect */
	unsigned times;
	bool by_rows;
	struct digest digest[3]; /* blue, green, blue again */
	struct rowset rows[3];
	int step;
	char trouble[512];
	table_fn *fn;
};
void recheck_start(struct compare *compare, table_fn *fn);
void recheck_done(struct recheck *recheck);

/* --- compare.c --- */
struct table {
	char *label;	   /* owned */
	char *from[SIDES]; /* owned: what stands behind FROM; NULL: it is not there */
};

struct compare {
	struct pair pair; /* first: see sync.h */
	struct beat beat;
	struct seat {
		struct compare *compare;
		enum side side;
	} seats[SIDES];	      /* what a side's callbacks are given */
	struct table *tables; /* owned */
	size_t tables_len, at;
	unsigned awaited;
	struct columns columns[SIDES];
	struct plan plan;
	struct walk walk;
	struct chunk suspects[SUSPECTS_MAX];
	size_t suspects_len;
	struct recheck recheck;
	struct report report;
	bool counts, failed;
	int64_t told_us;
	char trouble[512];
};
struct pg *compare_side(const struct compare *compare, enum side side);
/* A lost connection ends the call: true, and compare is gone. */
bool compare_lost(struct compare *compare, const struct pg_reply *reply);
