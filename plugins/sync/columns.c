/* SPDX-License-Identifier: Apache-2.0 */
/* What of a table can be compared. A row becomes one text: the server's own record form, which
 * quotes what needs it and tells NULL from "", so that different rows have different texts. */
#include "sync/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* to_jsonb(db): its columns have other names in other versions. */
static const char columns_sql[] =
	"select a.attname, quote_ident(a.attname), tn.nspname || '.' || t.typname,"
	" quote_ident(tn.nspname) || '.' || quote_ident(t.typname), en.nspname || '.' || e.typname,"
	" case when a.attcollation = 0 then '' when co.collname in ('C', 'POSIX') then 'C' else"
	"  coalesce(case when a.attcollation = 100 then"
	"   (select concat_ws('/', j->>'datcollate', j->>'datlocprovider', j->>'daticulocale',"
	"     j->>'datlocale') from pg_database db, to_jsonb(db) j"
	"    where db.datname = current_database())"
	"   else concat_ws('/', co.collprovider, co.collname, to_jsonb(co)->>'collcollate',"
	"     to_jsonb(co)->>'collisdeterministic') end, '') || '@' ||"
	"  coalesce(pg_collation_actual_version(a.attcollation),"
	"   (select min(pg_collation_actual_version(x.oid)) from pg_collation x"
	"    where x.collprovider = 'c'), '?') end,"
	" current_setting('server_encoding'), t.typtype = 'e' or e.typtype = 'e',"
	" has_column_privilege(a.attrelid, a.attnum, 'select'),"
	" case d.typtype when 'd' then d.typtypmod else a.atttypmod end,"
	" case when array_position(k.keys, a.attnum) < k.n"
	"  then array_position(k.keys, a.attnum) + 1 else 0 end"
	" from pg_attribute a"
	" join pg_type d on d.oid = a.atttypid"
	" join pg_type t on t.oid = case d.typtype when 'd' then d.typbasetype else d.oid end"
	" join pg_namespace tn on tn.oid = t.typnamespace"
	" left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'"
	" left join pg_namespace en on en.oid = e.typnamespace"
	" left join pg_collation co on co.oid = a.attcollation"
	" left join lateral (select i.indkey::int2[] keys, i.indnkeyatts n from pg_index i"
	"  where i.indrelid = a.attrelid and i.indisunique and i.indisvalid and i.indimmediate"
	"  and i.indpred is null and i.indexprs is null and not exists"
	"   (select from pg_attribute b where b.attrelid = i.indrelid"
	"    and b.attnum = any (i.indkey) and not b.attnotnull)"
	"  order by i.indisprimary desc, i.indnkeyatts, i.indexrelid limit 1) k on true"
	" where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped"
	" order by a.attname collate \"C\"";

/* Types whose text is the same wherever the value is the same. Those of one class may stand on the
 * two sides for one column. */
static const struct type {
	const char *name;
	char class;
	const char *send; /* exact, and cheaper than the text */
} types[] = {
	{"pg_catalog.bit", 0},
	{"pg_catalog.bool", 0},
	{"pg_catalog.bpchar", 's'},
	{"pg_catalog.bytea", 0},
	{"pg_catalog.char", 0},
	{"pg_catalog.cidr", 0},
	{"pg_catalog.date", 0},
	{"pg_catalog.float4", 0, "float4send"},
	{"pg_catalog.float8", 0, "float8send"},
	{"pg_catalog.inet", 0},
	{"pg_catalog.int2", 'n'},
	{"pg_catalog.int4", 'n'},
	{"pg_catalog.int8", 'n'},
	{"pg_catalog.interval", 0},
	{"pg_catalog.jsonb", 0},
	{"pg_catalog.macaddr", 0},
	{"pg_catalog.macaddr8", 0},
	{"pg_catalog.name", 's'},
	{"pg_catalog.numeric", 'n'},
	{"pg_catalog.oid", 'n'},
	{"pg_catalog.text", 's'},
	{"pg_catalog.time", 0},
	{"pg_catalog.timestamp", 0, "timestamp_send"},
	{"pg_catalog.timestamptz", 0, "timestamptz_send"},
	{"pg_catalog.timetz", 0},
	{"pg_catalog.tsvector", 0},
	{"pg_catalog.uuid", 0},
	{"pg_catalog.varbit", 0},
	{"pg_catalog.varchar", 's'},
};

void columns_ask(struct pg *pg, const char *table, pg_fn *fn, void *owner)
{
	const char *values[] = {table};

	pg_ask(pg, columns_sql, 1, values, fn, owner);
}

static char *cell(const struct pg_reply *reply, int row, int column)
{
	const char *text = pg_text(reply, row, column);

	return text ? kit_strdup(text) : NULL;
}

static bool is_true(const struct pg_reply *reply, int row, int column)
{
	const char *text = pg_text(reply, row, column);

	return text && *text == 't';
}

void columns_read(struct columns *columns, const struct pg_reply *reply)
{
	columns->len = (size_t)PQntuples(reply->rows);
	columns->items = kit_new_array(struct column, columns->len);
	for (int i = 0; i < (int)columns->len; i++)
		columns->items[i] = (struct column){
			.name = cell(reply, i, 0),
			.quoted = cell(reply, i, 1),
			.type = cell(reply, i, 2),
			.cast = cell(reply, i, 3),
			.element = cell(reply, i, 4),
			.collation = cell(reply, i, 5),
			.encoding = cell(reply, i, 6),
			.is_enum = is_true(reply, i, 7),
			.readable = is_true(reply, i, 8),
			.modifier = pg_int(reply, i, 9),
			.key = (int)pg_int(reply, i, 10),
		};
}

void columns_done(struct columns *columns)
{
	for (size_t i = 0; i < columns->len; i++) {
		struct column *c = &columns->items[i];

		free(c->name);
		free(c->quoted);
		free(c->type);
		free(c->cast);
		free(c->element);
		free(c->collation);
		free(c->encoding);
	}
	free(columns->items);
	*columns = (struct columns){0};
}

static const struct type *find_type(const char *name)
{
	for (size_t i = 0; i < KIT_ARRAY_LEN(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

static bool is_plain(const struct column *c)
{
	if (c->is_enum)
		return true;
	if (c->element && !strncmp(c->element, "pg_catalog.float", 16))
		return false;
	return find_type(c->element ? c->element : c->type);
}

static bool is_same_type(const struct column *a, const struct column *b)
{
	const struct type *ta = find_type(a->type), *tb = find_type(b->type);

	return !strcmp(a->type, b->type) || (ta && tb && ta->class && ta->class == tb->class);
}

/* 0, or the reason in why. */
static int is_comparable(const struct column *a, const struct column *b, struct kit_why *why)
{
	if (!a->readable || !b->readable)
		return kit_why(why, -1, "no right to read it on %s: grant select",
			       a->readable ? "green" : "blue");
	if (!is_same_type(a, b))
		return kit_why(why, -1, "its type is %s on blue and %s on green", a->type, b->type);
	if (!is_plain(a) || !is_plain(b))
		return kit_why(why, -1,
			       "type %s has no text that is known to be alike on both sides",
			       a->type);
	return 0;
}

static bool is_type(const struct column *c, const char *name)
{
	return !strncmp(c->type, "pg_catalog.", 11) && !strcmp(c->type + 11, name);
}

/* The column as it stands in the record: exact where its own text would depend on the version. */
static void add_value(FILE *row, const struct column *c, const struct column *other)
{
	const struct type *type = find_type(c->type);
	bool alike = !strcmp(c->type, other->type) && c->modifier == other->modifier;

	if (type && type->send)
		fprintf(row, "pg_catalog.%s(%s)", type->send, c->quoted);
	else if (is_type(c, "numeric") && !alike)
		fprintf(row, "pg_catalog.trim_scale(%s)", c->quoted);
	else if (is_type(c, "bpchar"))
		fprintf(row, "%s::pg_catalog.text", c->quoted);
	else
		fputs(c->quoted, row);
}

/* Where both sides do not sort texts alike, bytes decide; where not even the bytes are alike, there
 * is no common order (and no key). */
static int set_key(struct plan *plan, const struct column *a, const struct column *b)
{
	bool alike = !strcmp(a->collation, b->collation);
	struct plan_key *key;

	if (a->key > KEYS_MAX || (!alike && strcmp(a->encoding, b->encoding)))
		return -1;
	key = &plan->key[a->key - 1];
	key->name = kit_strdup(a->name);
	key->order = kit_printf("t.%s%s", a->quoted, alike ? "" : " collate \"C\"");
	key->cast = kit_strdup(a->cast);
	return 0;
}

static const struct column *find_column(const struct columns *columns, const char *name)
{
	for (size_t i = 0; i < columns->len; i++)
		if (!strcmp(columns->items[i].name, name))
			return &columns->items[i];
	return NULL;
}

static size_t key_len(const struct columns *columns)
{
	size_t n = 0;

	for (size_t i = 0; i < columns->len; i++)
		n += columns->items[i].key > 0;
	return n;
}

static void report_extra_columns(const struct plan *plan, const struct columns sides[SIDES],
				 struct report *report)
{
	static const char *const what[] = {"is a column of blue only", "is a column of green only"};

	for (enum side side = BLUE; side < SIDES; side++)
		for (size_t i = 0; i < sides[side].len; i++) {
			const char *name = sides[side].items[i].name;

			if (!find_column(&sides[!side], name))
				report_difference(report, plan->label,
						  json_pack("{s:s}", "column", name), what[side]);
		}
}

int plan_make(struct plan *plan, const struct columns sides[SIDES], struct report *report)
{
	FILE *row[SIDES];
	size_t len[SIDES], used = 0, keys = 0;
	struct kit_why why;

	report_extra_columns(plan, sides, report);
	for (enum side side = BLUE; side < SIDES; side++) {
		row[side] = open_memstream(&plan->row[side], &len[side]);
		if (!row[side])
			abort();
		fputs("row(", row[side]);
	}
	for (size_t i = 0; i < sides[BLUE].len; i++) {
		const struct column *a = &sides[BLUE].items[i];
		const struct column *b = find_column(&sides[GREEN], a->name);

		if (!b)
			continue;
		if (is_comparable(a, b, &why) < 0) {
			report_unchecked(report, plan->label, a->name, why.text);
			continue;
		}
		for (enum side side = BLUE; used && side < SIDES; side++)
			fputs(", ", row[side]);
		add_value(row[BLUE], a, b);
		add_value(row[GREEN], b, a);
		used++;
		if (a->key && set_key(plan, a, b) == 0)
			keys++;
	}
	for (enum side side = BLUE; side < SIDES; side++) {
		fputs(")::text", row[side]);
		fclose(row[side]);
	}
	plan->by = keys && keys == key_len(&sides[BLUE]) ? BY_KEY : BY_WHOLE;
	plan->keys = plan->by == BY_KEY ? keys : 0;
	return used || !sides[BLUE].len ? 0 : -1;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < KEYS_MAX; i++) {
		free(plan->key[i].name);
		free(plan->key[i].order);
		free(plan->key[i].cast);
	}
	free(plan->row[BLUE]);
	free(plan->row[GREEN]);
	*plan = (struct plan){0};
}
