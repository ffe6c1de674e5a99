/* SPDX-License-Identifier: Apache-2.0 */
/* The runbook of a scripted world: a catalog with an action of each kind, and the loader itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tests/lib/world.h"

#include "engine/base/json.h"
#include "engine/runbook/runbook.h"

static const char catalog_json[] =
	"{'name':'t','version':'1','license':'','help':'','path':null,'digest':'','providers':[],"
	"'meters':[{'name':'m','unit':'','help':'','params':[]}],'actions':["
	"{'name':'read','class':0,'effects':1,'ops':4},"
	"{'name':'write','class':0,'effects':2,'ops':36},"
	"{'name':'saves','class':0,'effects':18,'ops':60},"
	"{'name':'probe','class':2,'effects':2,'ops':52},"
	"{'name':'dedup','class':1,'effects':2,'ops':36},"
	"{'name':'look','class':1,'effects':2,'ops':52},"
	"{'name':'opaque','class':3,'effects':2,'ops':36},"
	"{'name':'traffic','class':0,'effects':4,'ops':36},"
	"{'name':'get','class':0,'effects':1,'ops':4}]}";

static const char core_json[] = "{'name':'core','version':'1','license':'','help':'','path':null,'"
				"digest':'','providers':[],"
				"'meters':[],'actions':["
				"{'name':'exec','class':3,'effects':34,'ops':6}]}";

static json_t *param(const char *name, enum cut_type type, unsigned flags)
{
	return json_pack("{s:s, s:i, s:i, s:n, s:n, s:s}", "name", name, "type", (int)type, "flags",
			 (int)flags, "fallback", "range", "help", "");
}

static void add_plugin(struct cut_catalog *catalog, const char *text)
{
	cut_auto(cut_str) char *json = cut_strdup(text);
	cut_auto(cut_json) json_t *plugin = NULL;
	cut_auto(cut_err) struct cut_err err = {0};
	json_t *action;
	size_t i;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	plugin = json_loads(json, 0, NULL);
	assert_non_null(plugin);
	json_array_foreach (json_object_get(plugin, "actions"), i, action) {
		const char *name = cut_json_str(action, "name", "");
		json_t *params = json_array(), *outputs = json_array();

		if (strcmp(name, "exec") == 0) {
			json_array_append_new(params, param("argv", CUT_T_ARGV, CUT_P_REQUIRED));
		} else {
			json_array_append_new(params, param("value", CUT_T_STRING, 0));
			json_array_append_new(params, param("data", CUT_T_JSON, 0));
		}
		if (strcmp(name, "get") == 0) {
			json_array_append_new(outputs, param("old", CUT_T_DURATION, 0));
			json_array_append_new(outputs, param("tail", CUT_T_DURATION, 0));
		}
		json_object_set_new(action, "help", json_string(""));
		json_object_set_new(action, "params", params);
		json_object_set_new(action, "outputs", outputs);
	}
	if (cut_catalog_add(catalog, plugin, &err) < 0)
		fail_msg("catalog: %s", err.what);
}

struct cut_runbook *world_load(const char *runbook, struct cut_catalog *catalog)
{
	struct cut_load_options options = {.catalog = catalog, .large = true};
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_faults faults = {0};
	struct cut_runbook *rb = NULL;

	add_plugin(catalog, core_json);
	add_plugin(catalog, catalog_json);
	cut_buf_printf(&text, "cutover: v1\nname: test\n%s", runbook);
	if (cut_runbook_load_text(text.data, text.len, "test.yaml", "/", &options, &faults, &rb,
				  &err) < 0) {
		struct cut_buf out = {0};

		cut_faults_print(&faults, false, &out);
		fail_msg("runbook: %s\n%s", err.what ? err.what : "", cut_buf_str(&out));
	}
	cut_faults_done(&faults);
	return rb;
}
