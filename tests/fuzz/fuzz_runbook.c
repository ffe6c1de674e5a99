/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever somebody calls a runbook, YAML or JSON: loaded, checked, its faults told; one that is
 * good is drawn as a graph, and its canonical form must be read back as the same runbook. */
#include "engine/base/vec.h"
#include "engine/core/graph_print.h"
#include "engine/runbook/runbook.h"
#include "tests/fuzz/need.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cut_catalog catalog;

static void load_catalog(void)
{
	json_t *list = json_load_file(CUT_TEST_DIR "/lib/catalog.json", 0, NULL), *descriptor;
	size_t i;

	need(json_is_array(list));
	json_array_foreach (list, i, descriptor)
		need(cut_catalog_add(&catalog, descriptor, NULL) == 0);
	json_decref(list);
}

static void draw(const struct cut_runbook *rb)
{
	cut_auto(cut_graph) struct cut_graph *graph = NULL;
	cut_auto(cut_buf) struct cut_buf out = {0};

	need(cut_graph_new(rb, &graph, NULL, NULL) == 0);
	cut_graph_dot(graph, rb, &out);
	cut_graph_text(graph, rb, &out);
	json_decref(cut_graph_json(graph, rb));
}

/* As a resume does it. */
static void read_back(struct cut_runbook *rb)
{
	struct cut_load_options options = {
		.catalog = &catalog, .resolved = rb->parameters, .large = true};
	cut_auto(cut_buf) struct cut_buf canonical = {0}, again = {0};
	struct cut_faults faults = {0};
	struct cut_runbook *same = NULL;

	need(cut_runbook_identity(rb, &canonical) == 0);
	need(cut_runbook_load_text(cut_buf_str(&canonical), canonical.len, "runbook.json", "/srv",
				   &options, &faults, &same, NULL) == 0);
	need(cut_runbook_identity(same, &again) == 0);
	need(!strcmp(rb->sha256, same->sha256));
	cut_runbook_free(same);
	cut_faults_done(&faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cut_load_options options = {.catalog = &catalog};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf told = {0};
	struct cut_faults faults = {0};
	struct cut_runbook *rb = NULL;
	int r;

	if (!catalog.plugins.len)
		load_catalog();
	r = cut_runbook_load_text((const char *)data, size, "t.yaml", "/srv", &options, &faults,
				  &rb, &err);
	need((r == 0) == (rb != NULL));
	need(r == 0 || faults.errors > 0 || err.what);
	cut_faults_print(&faults, true, &told);
	json_decref(cut_faults_json(&faults));
	if (rb) {
		draw(rb);
		read_back(rb);
	}
	cut_runbook_free(rb);
	cut_faults_done(&faults);
	return 0;
}
