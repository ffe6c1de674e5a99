/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a chunk are different. Blue is read before and after green: a row that is the same
 * both times and another one on green is different; one that green has as it was either time is
 * not. Between the first reading and green's a heartbeat has come over, so green is no older. */
#include "sync/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *hash_at(const struct rowset *set, int i)
{
	return PQgetvalue(set->rows, set->order[i], 0);
}

struct sorting {
	const PGresult *rows;
	size_t keys;
};

static int compare_rows(const void *a, const void *b, void *data)
{
	const struct sorting *s = data;
	int r = 0;

	for (size_t i = 1; r == 0 && i <= s->keys; i++)
		r = strcmp(PQgetvalue(s->rows, *(const int *)a, (int)i),
			   PQgetvalue(s->rows, *(const int *)b, (int)i));
	return r;
}

int rowset_read(struct rowset *set, const struct plan *plan, const struct pg_reply *reply)
{
	struct sorting sorting;

	rowset_done(set);
	if (PQntuples(reply->rows) > ROWS_MAX)
		return -E2BIG;
	set->rows = PQcopyResult(reply->rows, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
	if (!set->rows)
		abort();
	set->len = PQntuples(set->rows);
	set->order = kit_new_array(int, (size_t)set->len);
	for (int i = 0; i < set->len; i++)
		set->order[i] = i;
	sorting = (struct sorting){set->rows, plan->keys};
	qsort_r(set->order, (size_t)set->len, sizeof(int), compare_rows, &sorting);
	return 0;
}

void rowset_done(struct rowset *set)
{
	PQclear(set->rows);
	free(set->order);
	*set = (struct rowset){0};
}

struct cursor {
	const struct rowset *set;
	int at;
};

static int compare_cursors(const struct cursor *a, const struct cursor *b, size_t keys)
{
	int r = 0;

	if (a->at >= a->set->len || b->at >= b->set->len)
		return (a->at >= a->set->len) - (b->at >= b->set->len);
	for (size_t i = 1; r == 0 && i <= keys; i++)
		r = strcmp(PQgetvalue(a->set->rows, a->set->order[a->at], (int)i),
			   PQgetvalue(b->set->rows, b->set->order[b->at], (int)i));
	return r;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static json_t *key_json(const struct plan *plan, const struct cursor *cursor)
{
	json_t *key = json_object();

	for (size_t i = 0; i < plan->keys; i++) {
		const char *text =
			PQgetvalue(cursor->set->rows, cursor->set->order[cursor->at], (int)i + 1);
		json_t *value = json_string(text);

		json_object_set_new(key, plan->key[i].name,
				    value ? value : json_string("(not UTF-8)"));
	}
	return key;
}

size_t rowset_judge(const struct plan *plan, const struct rowset *before,
		    const struct rowset *green, const struct rowset *after, struct report *report)
{
	struct cursor all[] = {{before, 0}, {green, 0}, {after, 0}};
	size_t changing = 0;

	for (;;) {
		const struct cursor *least = &all[0];
		struct cursor here;
		const char *hash[3] = {0};

		for (size_t i = 1; i < 3; i++)
			if (compare_cursors(&all[i], least, plan->keys) < 0)
				least = &all[i];
		if (least->at >= least->set->len)
			return changing;
		here = *least;
		for (size_t i = 0; i < 3; i++)
			if (compare_cursors(&all[i], &here, plan->keys) == 0)
				hash[i] = hash_at(all[i].set, all[i].at++);
		if (same(hash[1], hash[0]) || same(hash[1], hash[2]))
			continue;
		if (!same(hash[0], hash[2])) {
			changing++;
			continue;
		}
		if (report)
			report_difference(report, plan->label, key_json(plan, &here),
					  !hash[0]   ? "is on green only"
					  : !hash[1] ? "is on blue only"
						     : "has other values");
	}
}
