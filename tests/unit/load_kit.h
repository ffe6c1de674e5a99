/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the loader share: a catalog equal to the documented tables of actions, and a
 * runbook made from text in one line. */
#pragma once

#include "engine/base/vec.h"
#include "engine/runbook/runbook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cut_catalog catalog;

static inline char *test_path(const char *name)
{
	const char *folder = getenv("CUT_TEST_DIR");

	return cut_printf("%s/%s", folder ? folder : "tests", name);
}

static inline int load_catalog(void **state)
{
	cut_auto(cut_str) char *path = test_path("lib/catalog.json");
	cut_auto(cut_json) json_t *list = json_load_file(path, 0, NULL);
	struct cut_err err = {0};
	json_t *descriptor;
	size_t i;

	json_array_foreach (list, i, descriptor)
		if (cut_catalog_add(&catalog, descriptor, &err) < 0)
			return -1;
	return json_is_array(list) ? 0 : -1;
}

static inline int free_catalog(void **state)
{
	cut_catalog_done(&catalog);
	return 0;
}

struct loaded {
	struct cut_runbook *rb; /* NULL: it has errors */
	struct cut_faults faults;
	char *told; /* all faults as an operator reads them */
};

static inline struct loaded load_with(const char *text, const json_t *set)
{
	struct cut_load_options options = {.catalog = &catalog, .set = set, .large = true};
	struct loaded l = {0};
	struct cut_buf told = {0};

	cut_runbook_load_text(text, strlen(text), "t.yaml", "/srv", &options, &l.faults, &l.rb,
			      NULL);
	cut_faults_print(&l.faults, false, &told);
	l.told = cut_buf_take(&told);
	return l;
}

static inline void loaded_done(struct loaded *l)
{
	cut_runbook_free(l->rb);
	cut_faults_done(&l->faults);
	free(l->told);
}

/* A runbook that must load; its faults are printed when it does not. */
static inline struct cut_runbook *load_good(const char *text)
{
	struct loaded l = load_with(text, NULL);
	struct cut_runbook *rb = l.rb;

	if (!rb)
		fail_msg("%s", l.told);
	l.rb = NULL;
	loaded_done(&l);
	return rb;
}

/* The whole of what is told of a faulty text. */
static inline void expect_told(const char *text, const char *told)
{
	struct loaded l = load_with(text, NULL);

	assert_string_equal(l.told, told);
	loaded_done(&l);
}

static inline const struct cut_step *step_of(const struct cut_runbook *rb, const char *name)
{
	uint32_t i = cut_runbook_step(rb, CUT_NONE, name);

	if (i == CUT_NONE)
		fail_msg("there is no step %s", name);
	return &rb->steps[i];
}
