/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions see of a run: parameters, environments, other steps, loop variables, downtime,
 * clients; the rest is looked up by who knows it. And what is made of them: conditions, checks,
 * texts and the parameters of a call. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"
#include "engine/core/names.h"
#include "engine/core/value.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { TAG_STEPS, TAG_STEP, TAG_OUTPUTS, TAG_RUN, TAG_DOWNTIME, TAG_CLIENTS, TAGS };

static int lazy(const struct cut_run *run, unsigned tag, uint32_t index, struct cut_val *ret)
{
	*ret = (struct cut_val){
		.kind = CUT_VAL_LAZY,
		.lazy = {.object = run, .tag = (uintptr_t)index * TAGS + tag},
	};
	return 0;
}

static int text(const char *s, struct cut_val *ret)
{
	*ret = (struct cut_val){.kind = CUT_VAL_STRING, .str = {s, strlen(s)}};
	return 0;
}

static const struct cut_scope *scope_of(const struct cut_run_names *names)
{
	const struct cut_runbook *rb = names->run->rb;

	if (names->step != CUT_NONE)
		return rb->steps[names->step].scope;
	return names->group != CUT_NONE ? rb->groups[names->group].scope : NULL;
}

static int env_ident(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
		     struct cut_val *ret)
{
	static const struct {
		const char *name;
		unsigned tag;
	} roots[] = {{"steps", TAG_STEPS},
		     {"run", TAG_RUN},
		     {"downtime", TAG_DOWNTIME},
		     {"clients", TAG_CLIENTS}};
	const struct cut_run_names *names = env->data;

	if (cut_names_ident(names->run->rb, scope_of(names), name, arena, ret) == 0)
		return 0;
	for (size_t i = 0; i < CUT_ARRAY_LEN(roots); i++)
		if (strcmp(name, roots[i].name) == 0)
			return lazy(names->run, roots[i].tag, 0, ret);
	return names->live ? names->live->ident(names->live, name, arena, ret) : -ENOENT;
}

static enum cut_type output_type(const struct cut_body *body, const char *name)
{
	for (uint32_t i = 0; i < body->outputs_len; i++)
		if (strcmp(body->outputs[i].name, name) == 0)
			return body->outputs[i].type;
	if (body->action)
		for (const struct cut_param *p = body->action->outputs; p->name; p++)
			if (strcmp(p->name, name) == 0)
				return p->type;
	return CUT_T_JSON;
}

static int output(const struct cut_run *run, uint32_t step, const char *name,
		  struct cut_arena *arena, struct cut_val *ret)
{
	const struct cut_run_step *s = &run->steps[step];
	const json_t *json = json_object_get(s->outputs, name);

	if (!json && strcmp(name, "duration_s") == 0 && s->ended != CUT_NEVER &&
	    s->started != CUT_NEVER) {
		*ret = (struct cut_val){.kind = CUT_VAL_DOUBLE,
					.d = (double)(s->ended - s->started) / 1e3};
		return 0;
	}
	if (!json)
		return -ENOENT;
	*ret = cut_value_typed(output_type(&run->rb->steps[step].body, name), json, arena);
	return 0;
}

static int run_member(const struct cut_run *run, const char *key, struct cut_val *ret)
{
	if (strcmp(key, "id") == 0)
		return text(cut_json_str(run->armed, "run", ""), ret);
	if (strcmp(key, "starter") == 0)
		return text(cut_json_str(run->armed, "starter_name", ""), ret);
	return -ENOENT;
}

static int downtime_member(const struct cut_run *run, const char *key, struct cut_val *ret)
{
	for (uint32_t i = 0; i < run->rb->downtimes_len; i++) {
		cut_time elapsed = 0;
		bool running;

		if (strcmp(run->rb->downtimes[i].id, key) != 0)
			continue;
		cut_run_downtime(run, i, run->t, &running, &elapsed);
		*ret = (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = (double)elapsed / 1e3};
		return 0;
	}
	return -ENOENT;
}

static int clients_member(const struct cut_run *run, const char *key, struct cut_val *ret)
{
	if (strcmp(key, "all_acknowledged") != 0)
		return -ENOENT;
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = true};
	for (uint32_t i = 0; i < run->rb->clients_len; i++)
		ret->b = ret->b && run->acked[i];
	return 0;
}

static int env_member(const struct cut_expr_env *env, const struct cut_val *object, const char *key,
		      struct cut_arena *arena, struct cut_val *ret)
{
	const struct cut_run_names *names = env->data;
	const struct cut_run *run = names->run;
	uint32_t index, step;

	if (cut_names_member(run->rb, object, key, arena, ret) == 0)
		return 0;
	if (object->lazy.object != run)
		return names->live ? names->live->member(names->live, object, key, arena, ret)
				   : -ENOENT;
	index = (uint32_t)(object->lazy.tag / TAGS);
	switch (object->lazy.tag % TAGS) {
	case TAG_STEPS:
		step = cut_runbook_step(run->rb, names->group, key);
		return step == CUT_NONE ? -ENOENT : lazy(run, TAG_STEP, step, ret);
	case TAG_STEP:
		if (strcmp(key, "outputs") == 0)
			return lazy(run, TAG_OUTPUTS, index, ret);
		if (strcmp(key, "state") == 0)
			return text(
				cut_step_state_name((enum cut_step_state)run->steps[index].state),
				ret);
		return -ENOENT;
	case TAG_OUTPUTS: return output(run, index, key, arena, ret);
	case TAG_RUN: return run_member(run, key, ret);
	case TAG_DOWNTIME: return downtime_member(run, key, ret);
	case TAG_CLIENTS: return clients_member(run, key, ret);
	default: return -ENOENT;
	}
}

static struct cut_expr_env names_env(struct cut_run *run, uint32_t step, uint32_t group,
				     const struct cut_expr_env *live)
{
	run->names = (struct cut_run_names){run, step, group, live};
	return (struct cut_expr_env){env_ident, env_member, &run->names};
}

struct cut_expr_env cut_run_env(struct cut_run *run, uint32_t step, const struct cut_expr_env *live)
{
	return names_env(run, step, step == CUT_NONE ? CUT_NONE : run->rb->steps[step].group, live);
}

/* --- conditions and checks --- */

static int truth(const struct cut_expr_env *env, const struct cut_expr *expr, struct cut_err *err)
{
	struct cut_arena arena = {0};
	struct cut_val val;
	int r = cut_expr_eval(expr, env, &arena, &val, err);

	if (r == 0 && val.kind != CUT_VAL_BOOL)
		r = cut_err_set(err, -EINVAL, NULL, NULL, "it is neither true nor false");
	else if (r == 0)
		r = val.b;
	cut_arena_done(&arena);
	return r;
}

int cut_env_true(struct cut_run *run, uint32_t step, uint32_t group, const struct cut_expr *expr,
		 const struct cut_expr_env *live, struct cut_err *err)
{
	struct cut_expr_env env = step != CUT_NONE ? cut_run_env(run, step, live)
						   : names_env(run, CUT_NONE, group, live);

	return truth(&env, expr, err);
}

struct saw {
	const struct cut_expr_env *env;
	json_t *values; /* owned */
};

/* The value of a name in a check, for the record. */
static void note_ref(void *data, const char *const *path, size_t len, bool in_has)
{
	struct saw *saw = data;
	cut_auto(cut_buf) struct cut_buf name = {0};
	struct cut_arena arena = {0};
	struct cut_val val, object;
	int r = saw->env->ident(saw->env, path[0], &arena, &val);

	cut_buf_add_str(&name, path[0]);
	for (size_t i = 1; i < len && r == 0 && val.kind == CUT_VAL_LAZY; i++) {
		object = val;
		r = saw->env->member(saw->env, &object, path[i], &arena, &val);
		cut_buf_printf(&name, ".%s", path[i]);
	}
	if (r == 0 && val.kind != CUT_VAL_LAZY && val.kind != CUT_VAL_MAP)
		json_object_set_new(saw->values, cut_buf_str(&name), cut_val_to_json(&val));
	cut_arena_done(&arena);
}

static json_t *check_value(const char *that, int r, const struct cut_err *err, struct saw *saw)
{
	json_t *value = json_object();

	json_object_set_new(value, "that", json_string(that));
	json_object_set_new(value, "is", r < 0 ? json_null() : json_boolean(r));
	if (r < 0)
		json_object_set_new(value, "error", json_string(err->what));
	json_object_set_new(value, "saw", cut_take(saw->values));
	return value;
}

bool cut_run_check(struct cut_run *run, uint32_t step, const struct cut_expr_env *live,
		   json_t **ret_data)
{
	const struct cut_step *model = &run->rb->steps[step];
	const struct cut_body *body = cut_call_body(run, step);
	bool gate = model->kind == CUT_STEP_APPROVE;
	struct cut_expr **that = gate ? model->approve->checks : body->that;
	const char **texts = gate ? model->approve->checks_text : body->that_text;
	uint32_t len = gate ? model->approve->checks_len : body->that_len;
	struct cut_expr_env env = cut_run_env(run, step, live);
	json_t *values = json_array();
	bool all = true;

	for (uint32_t i = 0; i < len; i++) {
		struct saw saw = {&env, json_object()};
		cut_auto(cut_err) struct cut_err why = {0};
		int r = truth(&env, that[i], &why);

		cut_expr_refs(that[i], note_ref, &saw);
		json_array_append_new(values, check_value(texts[i], r, &why, &saw));
		all = all && r > 0;
	}
	*ret_data = json_pack("{s:o}", "values", values);
	return all;
}

void cut_check_say(const json_t *value, struct cut_buf *out)
{
	const char *name, *between = " (";
	json_t *seen;

	cut_buf_add_str(out, cut_json_str(value, "that", ""));
	json_object_foreach (json_object_get(value, "saw"), name, seen) {
		cut_buf_printf(out, "%s%s = ", between, name);
		cut_json_canonical(seen, out);
		between = ", ";
	}
	if (*between == ',')
		cut_buf_add_char(out, ')');
	if (cut_json_str(value, "error", NULL))
		cut_buf_printf(out, ": %s", cut_json_str(value, "error", ""));
}

/* --- texts and parameters --- */

static int join(const struct cut_expr_env *env, const struct cut_template *tpl,
		struct cut_arena *arena, struct cut_val *ret, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf out = {.max_bytes = CUT_JSON_MAX_BYTES};
	int r = 0;

	if (tpl->whole)
		return cut_expr_eval(tpl->parts[0].expr, env, arena, ret, err);
	for (uint32_t i = 0; i < tpl->len && r == 0; i++) {
		struct cut_val val;

		if (!tpl->parts[i].expr) {
			cut_buf_add_str(&out, tpl->parts[i].text);
			continue;
		}
		r = cut_expr_eval(tpl->parts[i].expr, env, arena, &val, err);
		if (r == 0)
			r = cut_val_text(&val, &out, err);
	}
	if (r == 0 && out.error)
		r = cut_err_set(err, out.error, NULL, NULL, "the text is too long");
	if (r < 0)
		return r;
	ret->kind = CUT_VAL_STRING;
	ret->str.len = out.len;
	ret->str.s = cut_arena_strndup(arena, cut_buf_str(&out), out.len);
	return 0;
}

static int value_of(struct cut_run *run, uint32_t step, const struct cut_template *tpl,
		    enum cut_type type, const char *range, json_t **ret, struct cut_err *err)
{
	struct cut_expr_env env = cut_run_env(run, step, NULL);
	struct cut_arena arena = {0};
	struct cut_val val;
	int r = join(&env, tpl, &arena, &val, err);

	if (r == 0)
		r = cut_value_coerce(type, range, &val, ret, err);
	cut_arena_done(&arena);
	return r;
}

int cut_env_duration(struct cut_run *run, uint32_t step, const struct cut_template *tpl,
		     cut_time *ret, struct cut_err *err)
{
	cut_auto(cut_json) json_t *seconds = NULL;
	int r = value_of(run, step, tpl, CUT_T_DURATION, NULL, &seconds, err);

	if (r == 0)
		*ret = cut_json_ms(seconds, 0);
	return r;
}

char *cut_env_text(struct cut_run *run, uint32_t step, const struct cut_template *tpl)
{
	cut_auto(cut_json) json_t *value = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	if (value_of(run, step, tpl, CUT_T_STRING, NULL, &value, &err) < 0)
		return cut_err_text(&err);
	return cut_strdup(json_string_value(value));
}

/* The key that a pointer's next part names, without its escapes. */
static void unescape(const char *part, size_t len, struct cut_buf *ret_key)
{
	for (size_t i = 0; i < len; i++) {
		if (part[i] == '~')
			cut_buf_add_char(ret_key, part[++i] == '1' ? '/' : '~');
		else
			cut_buf_add_char(ret_key, part[i]);
	}
}

/* Puts a value where an RFC 6901 pointer of the loader says: there is a place for it already. */
static void put(json_t *at, const char *pointer, json_t *value)
{
	for (;;) {
		const char *part = pointer + 1;
		cut_auto(cut_buf) struct cut_buf key = {0};
		bool array = json_typeof(at) == JSON_ARRAY;
		size_t index;

		pointer = part + strcspn(part, "/");
		unescape(part, (size_t)(pointer - part), &key);
		index = array ? (size_t)strtoul(cut_buf_str(&key), NULL, 10) : 0;
		if (!*pointer) {
			if (array)
				json_array_set(at, index, value);
			else
				json_object_set(at, cut_buf_str(&key), value);
			return;
		}
		at = array ? json_array_get(at, index) : json_object_get(at, cut_buf_str(&key));
		assert(at);
	}
}

int cut_env_params(struct cut_run *run, uint32_t step, const struct cut_body *body, json_t **ret,
		   struct cut_err *err)
{
	cut_auto(cut_json) json_t *params = NULL;

	if (!body->dynamic_len) {
		*ret = json_incref(body->params);
		return 0;
	}
	params = json_deep_copy(body->params);
	for (uint32_t i = 0; i < body->dynamic_len; i++) {
		const struct cut_dynamic *dynamic = &body->dynamic[i];
		cut_auto(cut_json) json_t *value = NULL;
		int r = value_of(run, step, &dynamic->value, dynamic->type, dynamic->range, &value,
				 err);

		if (r < 0)
			return cut_err_prefix(err, "%s", dynamic->pointer + 1);
		put(params, dynamic->pointer, value);
	}
	*ret = cut_take(params);
	return 0;
}
