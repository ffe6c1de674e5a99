/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a plugin's tables that would otherwise mislead a run: an action that does not say
 * whether it changes something would never be undone. Called by catalog.c for each of them. */
#include "engine/core/catalog_check.h"

#include "engine/core/value.h"

#include <errno.h>
#include <string.h>

static int refuse(struct cut_err *err, const char *owner, const char *why, const char *next)
{
	return cut_err_set(err, -EPERM, why, next, "will not load %s", owner);
}

/* As it stands in runbooks: steps.a.outputs.NAME. */
static bool is_plain(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789_-.")];
}

static int check_row(const struct cut_param *rows, const struct cut_param *row, const char *owner,
		     struct cut_err *err)
{
	cut_auto(cut_str) char *what = cut_printf("its row %s", row->name);
	cut_auto(cut_str) char *why = NULL;
	cut_auto(cut_err) struct cut_err not_of_type = {0};
	cut_auto(cut_json) json_t *value = NULL;
	bool one = row->type != CUT_T_LIST && row->type != CUT_T_JSON && row->type != CUT_T_MAP &&
		   row->type != CUT_T_ARGV && !(row->flags & CUT_P_LIST);

	if (!is_plain(row->name) || strchr(row->name, '.'))
		why = cut_printf("%s is not named with letters, digits, _ and -", what);
	for (const struct cut_param *other = rows; !why && other < row; other++)
		if (!strcmp(other->name, row->name))
			why = cut_printf("%s is there twice", what);
	if (!why && row->type == CUT_T_CHOICE && !row->range)
		why = cut_printf("%s is a choice and its range has none", what);
	if (!why && row->fallback && *row->fallback && one &&
	    cut_value_parse(row->type, row->range, row->fallback, strlen(row->fallback), &value,
			    &not_of_type) < 0)
		why = cut_printf("%s has the fallback %s: %s is expected", what, row->fallback,
				 not_of_type.what);
	return why ? refuse(err, owner, why, "mend the plugin's tables") : 0;
}

int cut_catalog_check_rows(const struct cut_param *rows, const char *owner, struct cut_err *err)
{
	int r = is_plain(owner) ? 0
				: refuse(err, owner,
					 "its name has other than letters, digits, _ "
					 "and -",
					 "rename it");

	for (const struct cut_param *row = rows; r == 0 && row->name; row++)
		r = check_row(rows, row, owner, err);
	return r;
}

int cut_catalog_check_action(const struct cut_catalog_action *a, struct cut_err *err)
{
	bool reads = a->effects & CUT_READ;
	bool writes = a->effects & (CUT_WRITE | CUT_TRAFFIC | CUT_DESTROY);

	if ((unsigned)a->class > CUT_OPAQUE)
		return refuse(err, a->name, "its class is none",
			      "give one of enum cut_class in plugin.h");
	if (reads == writes)
		return refuse(err, a->name,
			      reads ? "its effects say both that it only reads and that it writes"
				    : "its effects do not say whether it reads or writes",
			      "give CUT_READ, or CUT_WRITE, CUT_TRAFFIC or CUT_DESTROY");
	if (!(a->ops & CUT_HAS_APPLY))
		return refuse(err, a->name, "it has no apply", "a step could not run it");
	return 0;
}
