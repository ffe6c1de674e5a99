/* SPDX-License-Identifier: Apache-2.0 */
/* The action `compare`: is what green holds the same as what blue holds? Three answers: equal,
 * different, and inconclusive where something could not be compared. Reads only, the heartbeat's
 * row aside. */
#include "sync/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SQL "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
/* A table's children are tables of their own, a partitioned table's partitions are part of it. */
#define FROM_SQL "case c.relkind when 'r' then 'only ' else '' end || " NAME_SQL

static const char list_sql[] =
	"select " NAME_SQL ", " FROM_SQL " from pg_class c join pg_namespace n on n.oid ="
	" c.relnamespace where c.relkind in ('r', 'p') and not c.relispartition"
	" and c.relpersistence <> 't' and n.nspname <> 'information_schema'"
	" and n.nspname !~ '^pg_' and c.relname <> 'cutover_heartbeat' and not exists"
	" (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid"
	" and d.deptype = 'e') and $1::jsonb is not null order by (" NAME_SQL ") collate \"C\"";

static const char named_sql[] =
	"select w.name, " FROM_SQL " from jsonb_array_elements_text($1::jsonb)"
	" with ordinality w(name, i) join pg_class c on c.oid = to_regclass(w.name)"
	" join pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind in ('r', 'p', 'm', 'v', 'f') order by w.i";

static void next_table(struct compare *compare);

static void compare_free(struct compare *compare)
{
	for (size_t i = 0; i < compare->tables_len; i++) {
		free(compare->tables[i].label);
		free(compare->tables[i].from[BLUE]);
		free(compare->tables[i].from[GREEN]);
	}
	free(compare->tables);
	for (size_t i = 0; i < compare->suspects_len; i++)
		chunk_done(&compare->suspects[i]);
	for (enum side side = BLUE; side < SIDES; side++)
		columns_done(&compare->columns[side]);
	plan_done(&compare->plan);
	walk_done(&compare->walk);
	recheck_done(&compare->recheck);
	report_done(&compare->report);
	pair_close(&compare->pair);
	free(compare);
}

static void end(struct compare *compare, enum cut_status status, const char *text)
{
	struct cut_call *call = compare->pair.call;
	struct kit_why why;

	kit_why(&why, 0, "%s", text);
	compare_free(compare);
	call->api->done(call, status, why.text, NULL);
}

struct pg *compare_side(const struct compare *compare, enum side side)
{
	return side == BLUE ? compare->pair.blue : compare->pair.green;
}

bool compare_lost(struct compare *compare, const struct pg_reply *reply)
{
	const char *label =
		compare->at < compare->tables_len ? compare->tables[compare->at].label : NULL;
	struct kit_why why;

	if (!reply->lost)
		return false;
	kit_why(&why, 0, "could not be compared%s%s: %s", label ? ", stopped at " : "",
		label ? label : "", reply->text);
	end(compare, reply->status, why.text);
	return true;
}

static void finish(struct compare *compare)
{
	struct cut_call *call = compare->pair.call;
	bool allow = json_is_true(json_object_get(call->params, "allow_inconclusive"));
	struct report report = compare->report;

	report_init(&compare->report);
	compare_free(compare);
	report_end(&report, call, allow);
	report_done(&report);
}

/* --- one table --- */

static void end_table(struct compare *compare, const char *trouble)
{
	for (size_t i = 0; i < compare->suspects_len; i++)
		chunk_done(&compare->suspects[i]);
	compare->suspects_len = 0;
	if (trouble)
		report_unchecked(&compare->report, compare->tables[compare->at].label, NULL,
				 trouble);
	else if (!report_is_full(&compare->report))
		compare->report.checked++;
	for (enum side side = BLUE; side < SIDES; side++)
		columns_done(&compare->columns[side]);
	plan_done(&compare->plan);
	walk_done(&compare->walk);
	recheck_done(&compare->recheck);
	compare->at++;
	next_table(compare);
}

static void on_rechecked(struct compare *compare, const char *trouble)
{
	bool done = compare->walk.at_end || report_is_full(&compare->report);

	if (trouble || done) {
		end_table(compare, trouble);
		return;
	}
	for (size_t i = 0; i < compare->suspects_len; i++)
		chunk_done(&compare->suspects[i]);
	compare->suspects_len = 0;
	walk_go_on(compare);
}

static void on_walked(struct compare *compare, const char *trouble)
{
	if (trouble)
		end_table(compare, trouble);
	else
		recheck_start(compare, on_rechecked);
}

static void begin_table(struct compare *compare)
{
	const struct table *table = &compare->tables[compare->at];
	struct plan *plan = &compare->plan;

	plan->label = table->label;
	plan->from[BLUE] = table->from[BLUE];
	plan->from[GREEN] = table->from[GREEN];
	if (compare->counts)
		plan->by = BY_COUNT;
	else if (plan_make(plan, compare->columns, &compare->report) < 0) {
		end_table(compare, "none of its columns can be compared");
		return;
	}
	walk_start(compare, on_walked);
}

static void on_columns(void *owner, const struct pg_reply *reply)
{
	struct seat *seat = owner;
	struct compare *compare = seat->compare;

	if (compare_lost(compare, reply))
		return;
	if (reply->status != CUT_OK) {
		snprintf(compare->trouble, sizeof(compare->trouble), "%s", reply->text);
		compare->failed = true;
	} else {
		columns_read(&compare->columns[seat->side], reply);
	}
	if (--compare->awaited)
		return;
	if (compare->failed)
		end_table(compare, compare->trouble);
	else
		begin_table(compare);
}

static const char *bare(const char *from)
{
	return strncmp(from, "only ", 5) ? from : from + 5;
}

static void ask_columns(struct compare *compare, const struct table *table)
{
	compare->awaited = SIDES;
	compare->failed = false;
	for (enum side side = BLUE; side < SIDES; side++)
		columns_ask(compare_side(compare, side), bare(table->from[side]), on_columns,
			    &compare->seats[side]);
}

static void next_table(struct compare *compare)
{
	const struct table *table;

	for (; compare->at < compare->tables_len; compare->at++) {
		table = &compare->tables[compare->at];
		if (report_is_full(&compare->report))
			break;
		if (table->from[BLUE] && table->from[GREEN]) {
			if (compare->counts)
				begin_table(compare);
			else
				ask_columns(compare, table);
			return;
		}
		report_difference(&compare->report, table->label, NULL,
				  table->from[BLUE] ? "is a table of blue only"
						    : "is a table of green only");
	}
	finish(compare);
}

/* --- which tables --- */

static struct table *find_or_add(struct compare *compare, const char *label)
{
	struct table *table;

	for (size_t i = 0; i < compare->tables_len; i++)
		if (!strcmp(compare->tables[i].label, label))
			return &compare->tables[i];
	compare->tables = kit_realloc(compare->tables, compare->tables_len + 1, sizeof(*table));
	table = &compare->tables[compare->tables_len++];
	*table = (struct table){.label = kit_strdup(label)};
	return table;
}

static bool asks_all(const struct compare *compare)
{
	const json_t *tables = json_object_get(compare->pair.call->params, "tables");
	const char *first = json_string_value(json_array_get(tables, 0));

	return json_array_size(tables) == 1 && first && !strcmp(first, "all");
}

/* A name that neither side knows is a fault of the runbook. */
static bool all_known(struct compare *compare)
{
	const json_t *tables = json_object_get(compare->pair.call->params, "tables"), *name;
	struct kit_why why;
	size_t i;

	if (asks_all(compare))
		return true;
	json_array_foreach (tables, i, name) {
		const struct table *table = find_or_add(compare, json_string_value(name));

		if (table->from[BLUE] || table->from[GREEN])
			continue;
		kit_why(&why, 0, "neither blue nor green has a table %s", table->label);
		end(compare, CUT_FAIL, why.text);
		return false;
	}
	return true;
}

static void on_listed(void *owner, const struct pg_reply *reply)
{
	struct seat *seat = owner;
	struct compare *compare = seat->compare;

	if (compare_lost(compare, reply))
		return;
	if (reply->status != CUT_OK) {
		end(compare, reply->status, reply->text);
		return;
	}
	for (int i = 0; i < PQntuples(reply->rows); i++) {
		struct table *table = find_or_add(compare, pg_text(reply, i, 0));

		free(table->from[seat->side]);
		table->from[seat->side] = kit_strdup(pg_text(reply, i, 1));
	}
	if (--compare->awaited || !all_known(compare))
		return;
	compare->report.tables = compare->tables_len;
	if (!compare->tables_len)
		report_unchecked(&compare->report, "all", NULL, "there are no tables");
	next_table(compare);
}

static void on_opened(struct pair *pair, const struct pg_reply *failed)
{
	struct compare *compare = kit_container(pair, struct compare, pair);
	bool all = asks_all(compare);
	char *names = json_dumps(json_object_get(pair->call->params, "tables"), JSON_COMPACT);
	const char *values[] = {names};

	if (failed) {
		compare_lost(compare, failed);
	} else {
		compare->awaited = SIDES;
		for (enum side side = BLUE; side < SIDES; side++)
			pg_ask(compare_side(compare, side), all ? list_sql : named_sql, 1, values,
			       on_listed, &compare->seats[side]);
	}
	free(names);
}

static void on_cancel(struct pair *pair)
{
	end(kit_container(pair, struct compare, pair), CUT_CANCELED, "canceled");
}

static void apply(struct cut_call *call)
{
	struct compare *compare = kit_new(struct compare);

	call->data = compare;
	compare->pair.cancel = on_cancel;
	compare->pair.call = call;
	for (enum side side = BLUE; side < SIDES; side++)
		compare->seats[side] = (struct seat){compare, side};
	compare->counts = !strcmp(call_text(call, "mode"), "counts");
	report_init(&compare->report);
	compare->report.counts_only = compare->counts;
	beat_init(&compare->beat, &compare->pair, compare);
	pair_open(&compare->pair, call, on_opened);
}

static int check(const json_t *params, char *why, size_t len)
{
	if (json_array_size(json_object_get(params, "tables")))
		return 0;
	snprintf(why, len, "tables is empty; name some, or write: tables: all");
	return -1;
}

static const struct cut_param params[] = {
	SYNC_PAIR_PARAMS,
	{"tables", CUT_T_STRING, CUT_P_REQUIRED | CUT_P_LIST, NULL, NULL,
	 "all, or a list of names"},
	{"mode", CUT_T_CHOICE, 0, "auto", "auto|counts|digest",
	 "digest: every value of every row; counts: only how many rows; auto: digest"},
	{"allow_inconclusive", CUT_T_BOOL, 0, "false", NULL,
	 "go on though not all could be compared"},
	{0},
};
static const struct cut_param outputs[] = {
	{"verdict", CUT_T_CHOICE, 0, NULL, "equal|different|inconclusive", NULL},
	{"rows", CUT_T_INT, 0, NULL, NULL, "of blue that were compared"},
	{"checked", CUT_T_INT, 0, NULL, NULL, "tables that were compared to their end"},
	{"unchecked", CUT_T_LIST, 0, NULL, "map",
	 "{table, column, reason}: what was not, at most 100"},
	{"differences", CUT_T_LIST, 0, NULL, "map", "{table, key, what}, at most 100; no values"},
	{0},
};

const struct cut_action sync_compare = {
	.name = "compare",
	.help = "compares tables of blue and green, value by value, also while they are written to",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_READ,
	.check = check,
	.plan = sync_plan,
	.apply = apply,
	.cancel = pair_cancel,
};
