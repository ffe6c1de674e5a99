/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the loader share: the state of one load and the functions of each file. Private
 * to engine/runbook. */
#pragma once

#include "engine/base/near.h"
#include "engine/base/vec.h"
#include "engine/core/check.h"
#include "engine/core/value.h"
#include "engine/runbook/load_draft.h"
#include "engine/runbook/load_language.h"
#include "engine/runbook/runbook.h"

struct load_expr {	       /* an expression, parsed once for all places with this text */
	struct cut_expr *expr; /* owned by the runbook; NULL: does not parse */
	const char *text;
	size_t column; /* of the fault, when it does not */
	const char *fault, *next;
	bool has_refs;
};

struct load_needs {	      /* names to resolve once all steps are known */
	uint32_t node, owner; /* owner: step or group index */
	bool group;
};

struct load_later { /* a name of another step in a wait or temporary of `step` */
	uint32_t node, step;
	const char *name;
};
struct load_span {     /* what lasts from one step to another: checked when the graph is there */
	uint32_t node; /* that names the second */
	uint32_t from, to;
	bool apart; /* they may not be one */
	const char *what, *hint;
};

struct load_check { /* parameters that their plugin is asked about */
	const struct cut_catalog_action *action;
	uint32_t node;
	json_t *params; /* borrowed from the runbook */
	bool asked;
};

struct load_laters {
	CUT_VEC(struct load_later);
};

struct load {
	struct cut_runbook *rb;
	struct cut_doc *doc; /* rb's */
	struct cut_faults *faults;
	const struct cut_catalog *catalog;
	const struct cut_load_options *options;
	const char *text; /* borrowed: the file's */
	size_t text_len;

	uint8_t *rows[T_TABLES];     /* by text below words_len: row + 1 */
	uint64_t required[T_TABLES]; /* bits of rows */
	uint32_t words_len;
	struct {
		uint32_t id, foreach, steps, uses, that;
	} word;			     /* texts of keys that every step is asked for */
	void *fallbacks[T_TABLES];   /* owned: a draft with nothing but defaults */
	struct cut_map expr_index;   /* text → index in exprs */
	struct cut_map metric_index; /* id → index in metrics */
	struct {
		struct load_expr **items;
		size_t len, cap;
	} exprs;

	const struct cut_scope *scope; /* loop variables here */
	bool repeated; /* in a later instance of a foreach: a fault at the same place is the same */
	bool own;      /* inside a verify or rollback body */
	bool reading_only;    /* inside tests, verify, ready …: commands only read */
	uint32_t step, group; /* whose keys are being read, for uses; or CUT_NONE */
	struct {
		struct cut_use *items;
		size_t len, cap;
	} uses;

	struct {
		struct cut_step *items;
		size_t len, cap;
	} steps;
	struct {
		struct cut_group *items;
		size_t len, cap;
	} groups;
	struct {
		struct cut_phase *items;
		size_t len, cap;
	} phases;
	struct {
		uint32_t *items;
		size_t len, cap;
	} step_nodes, phase_nodes;
	struct {
		uint8_t *items;
		size_t len, cap;
	} tainted;
	struct {
		struct load_needs *items;
		size_t len, cap;
	} needs;
	struct {
		struct cut_trigger *items;
		size_t len, cap;
	} triggers;
	struct {
		struct cut_metric *items;
		size_t len, cap;
	} metrics;
	struct {
		struct cut_unsupported *items;
		size_t len, cap;
	} unsupported;
	struct cut_by_text id_nodes; /* the step, group or phase that took it as its id */
	bool too_many;		     /* the cap of steps was told */
	unsigned nears;		     /* unknown names for which a near one was looked for */
	struct load_laters waits, untils;
	struct {
		struct load_check *items;
		size_t len, cap;
	} checks;
	struct {
		struct load_span *items;
		size_t len, cap;
	} spans;
	struct runbook_draft top;
	struct defaults_draft defaults;
	const struct cut_retry *retry; /* of bodies that name none */
	bool poisoned; /* a parameter has no value: what depends on it is not judged */
};

/* load_fault.c */
void load_fault(struct load *l, uint32_t node, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void load_fault_key(struct load *l, uint32_t node, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void load_fault_at(struct load *l, uint32_t node, size_t offset, unsigned width, const char *hint,
		   const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void load_warn(struct load *l, uint32_t node, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Whether a near name is still looked for: among 100,000 that is not free. */
bool load_seeks_near(struct load *l);
const char *load_did_you_mean(struct load *l, const struct cut_near *near); /* or NULL */
const char *load_kind_name(const struct load *l, uint32_t node);	    /* "a list" */
void load_unsupported(struct load *l, uint32_t node, const char *what);
struct cut_mark load_mark(const struct load *l, uint32_t node);

/* habits.c */
/* As cut_near_try(), which knows besides what other tools call it. */
void load_near_try(struct cut_near *near, const char *candidate);

/* load_scalar.c */
/* One scalar of a table to its place in the draft; node 0: a default of the table itself. */
int load_scalar(struct load *l, const struct load_key *key, uint32_t node, const char *text,
		void *at);

/* load_object.c */
void load_words(struct load *l); /* before the document is read */
void load_defaults(struct load *l);
/* Reads a map by its table into draft: 0, or -EINVAL when nothing of it can be used. */
int load_object(struct load *l, enum load_table_id table, uint32_t node, void *draft);
uint32_t load_find(const struct load *l, uint32_t map, const char *key); /* 0: absent */
/* The same, else what is an unknown key and likely to be this one misspelt. */
uint32_t load_meant(struct load *l, enum load_table_id table, uint32_t map, const char *key);
/* The same by the text of the key, without looking that up. */
static inline uint32_t load_child(const struct load *l, uint32_t map, uint32_t word)
{
	uint32_t at = cut_doc_at(l->doc, map)->child;

	while (at && cut_doc_at(l->doc, at)->key != word)
		at = cut_doc_at(l->doc, at)->next;
	return at;
}
/* what: NULL for the node's own key. */
bool load_is(struct load *l, uint32_t node, enum cut_node_kind kind, const char *what);
/* A typed JSON object of a table: inventories, objectives, authority. NULL after a fault. */
json_t *load_noted(struct load *l, enum load_table_id table, uint32_t node);
json_t *load_noted_list(struct load *l, enum load_table_id table, uint32_t node);
json_t *load_text_map(struct load *l, uint32_t node); /* name to text; NULL: told */
int load_texts(struct load *l, uint32_t node, const char *const **ret, uint32_t *ret_len);
int load_word(struct load *l, uint32_t node, const char *range, unsigned *ret);
int load_when(struct load *l, uint32_t node, struct cut_when *ret);
void load_locks(struct load *l, uint32_t node, const char *const *names, uint32_t len);
/* Tells of a time that is relative to what the window has not. */
void load_relative(struct load *l, uint32_t node, struct cut_when when,
		   const struct cut_window *window);
bool load_id_valid(struct load *l, uint32_t node, const char *text);

/* refs.c */
/* false: told, or a parameter without a value; dynamic: it needs what only a run has */
bool load_refs(struct load *l, uint32_t node, size_t offset, unsigned width,
	       const struct cut_expr *expr, bool *ret_dynamic);
bool load_loop_name(struct load *l, uint32_t node, const char *name); /* may it be a foreach's? */

/* vars.c */
bool load_has_template(const char *text);
/* Warns of texts that would have a value put in as other tools do it. */
void load_warn_braces(struct load *l);
/* Of an expression that starts after "${{": its "}}" outside quotes and braces, or NULL. */
const char *load_template_end(const char *at);
/* The text of a scalar with what is constant put in; NULL after a fault. */
const char *load_text(struct load *l, uint32_t node);
struct cut_expr *load_expr(struct load *l, uint32_t node, enum cut_use_place place);
/* `checks`, `that`: one text or a list. */
int load_exprs(struct load *l, uint32_t node, struct cut_expr ***ret, const char ***ret_text,
	       uint32_t *ret_len);
/* A template over the run's values into *ret (constants may be put in already); -EINVAL: told. */
int load_template(struct load *l, uint32_t node, struct cut_template *ret, bool *ret_constant);
/* Of a constant template: its value. -EINVAL: told, or not known (poisoned). */
int load_constant(struct load *l, uint32_t node, const struct cut_template *tpl,
		  struct cut_arena *arena, struct cut_val *ret);
/* The same of a part of the text at node. */
int load_template_text(struct load *l, uint32_t node, const char *text, struct cut_template *ret,
		       bool *ret_constant);
/* words.c */
/* POSIX words of a text, each ended by NUL, with ${{ }} kept as a piece of a word that never
 * splits; then how many. -EINVAL: told. */
int load_split(struct load *l, uint32_t node, struct cut_buf *words, size_t *ret_len);
/* The text for a shell: each ${{ }} becomes a variable, quoted so that a value stays one word;
 * values gets the expressions' texts in the order of the variables, each ended by NUL. -EINVAL:
 * told. */
int load_shell(struct load *l, uint32_t node, struct cut_buf *script, struct cut_buf *values,
	       size_t *ret_len);

/* values.c */
struct load_values { /* where values that are only known during the run go */
	struct {
		struct cut_dynamic *items;
		size_t len, cap;
	} dynamic;
	struct cut_buf pointer; /* of the value being read */
	bool constant;		/* no such values here: connections, metrics */
};
/* New reference, or NULL after a fault. */
json_t *load_value(struct load *l, uint32_t node, enum cut_type type, uint32_t flags,
		   const char *range, struct load_values *values);
json_t *load_untyped(struct load *l, uint32_t node, struct load_values *values);
/* The map at node by a table of an action or provider; ignored: NULL-terminated keys that belong to
 * the map itself. what: "dns.set_ttl". */
json_t *load_params(struct load *l, uint32_t node, uint32_t at, const char *what,
		    const struct cut_param *rows, const char *const *ignored,
		    struct load_values *values);
/* A word of a command: a string, or one known during the run only. */
json_t *load_part(struct load *l, uint32_t node, const char *text, struct load_values *values);
int load_type_named(const char *name); /* enum cut_type or -1 */

/* params.c */
void load_parameters(struct load *l);
void load_environments(struct load *l);
void load_secrets(struct load *l);
void load_connections(struct load *l);
const struct cut_connection *load_connection(const struct load *l, const char *name);

/* load_check.c */
int load_checks(struct load *l, struct cut_err *err); /* asks the plugins, tells what they say */

/* load_body.c */
int load_body(struct load *l, uint32_t node, const struct body_draft *draft, struct cut_body *ret);
int load_action(struct load *l, uint32_t node, struct cut_body *ret); /* verify, rollback */
const struct cut_retry *load_retry(struct load *l, uint32_t node);    /* node 0: the default */

/* load_step.c */
/* Fills the step from its draft; what names other steps waits for load_names(). */
void load_step(struct load *l, uint32_t node, struct step_draft *draft, enum cut_phase_role role,
	       struct cut_step *step);

/* load_names.c */
void load_span(struct load *l, struct load_span span);
void load_spans(struct load *l); /* tells of those that would end before they begin */
/* First and last step that a name stands for (of a foreach, of a group). -EINVAL: told. */
int load_step_named(struct load *l, uint32_t node, const char *name, uint32_t *ret_first,
		    uint32_t *ret_last);
void load_names(struct load *l); /* needs, since, until: once all steps are known */

/* load_tree.c */
extern const char *const load_group_keys[]; /* ends with NULL */
void load_phases(struct load *l);
void load_side_phases(struct load *l); /* tests, ready, verify, finally */

/* foreach.c */
/* Calls each() for every item at the foreach `node`, with the loop variable in scope. */
typedef void load_each_fn(struct load *l, void *data, const char *item);
int load_foreach(struct load *l, uint32_t node, unsigned *ret_max_parallel, load_each_fn *each,
		 void *data);

/* load_watch.c */
void load_metrics(struct load *l);
void load_triggers(struct load *l);
void load_acceptance(struct load *l, uint32_t node, struct cut_acceptance *ret);
void load_downtimes(struct load *l);
void load_window(struct load *l, uint32_t node, struct cut_window *ret);

/* load_people.c */
void load_roles(struct load *l);
void load_authority(struct load *l);
void load_clients(struct load *l);
void load_notifies(struct load *l);
void load_inventory(struct load *l);
/* Indices of roles, for approvals; unknown ones are told and left out. */
uint32_t *load_role_list(struct load *l, uint32_t node, const char **names, uint32_t len,
			 uint32_t *ret_len);
uint32_t load_role(struct load *l, uint32_t node, const char *name); /* or CUT_NONE after a fault */

/* identity.c: how a scalar is written in the canonical JSON, kept in cut_node.spare */
enum load_as { LOAD_AS_TEXT, LOAD_AS_BOOL, LOAD_AS_NUMBER, LOAD_AS_UNTYPED };
static inline void load_as(struct load *l, uint32_t node, enum load_as as)
{
	l->doc->nodes[node].spare = (uint16_t)as;
}
