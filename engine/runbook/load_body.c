/* SPDX-License-Identifier: Apache-2.0 */
/* One call of an action: `uses` and `with`, or `run`, with what may stand beside them. Called for
 * steps and for their verify and rollback bodies. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <string.h>

#define EFFECTS (CUT_READ | CUT_WRITE | CUT_TRAFFIC | CUT_DESTROY)

/* Keys beside a body that are parameters of `exec`. */
static const struct {
	const char *name;
	size_t offset; /* of its node in the draft */
} beside[] = {
	{"observe", offsetof(struct body_draft, observe)},
	{"plan", offsetof(struct body_draft, plan)},
	{"stdin", offsetof(struct body_draft, stdin_node)},
	{"cwd", offsetof(struct body_draft, cwd)},
	{"shell", offsetof(struct body_draft, shell)},
	{"expect_exit", offsetof(struct body_draft, expect_exit)},
};

static bool is_action(const struct cut_body *body, const char *name)
{
	return body->action && strcmp(body->action->name, name) == 0;
}

static const struct cut_catalog_action *find_action(struct load *l, uint32_t node, const char *name)
{
	const struct cut_catalog_action *action = cut_catalog_action(l->catalog, name);
	struct cut_near near = {.word = name};
	const char *dot = strchr(name, '.');
	char *plugin;

	if (action)
		return action;
	for (size_t i = 0; i < l->catalog->actions.len; i++)
		cut_near_try(&near, l->catalog->actions.items[i].name);
	cut_near_try(&near, "check");
	plugin = dot ? cut_arena_strndup(&l->rb->arena, name, (size_t)(dot - name)) : NULL;
	if (plugin && !near.best && !cut_catalog_plugin(l->catalog, plugin))
		load_fault(l, node,
			   "see `cutover plugins`, and --plugin-dir for where they are looked for",
			   "there is no plugin '%s'", plugin);
	else
		load_fault(l, node,
			   near.best ? load_did_you_mean(l, &near) : "see `cutover plugins`",
			   "there is no action '%s'", name);
	return NULL;
}

const struct cut_retry *load_retry(struct load *l, uint32_t node)
{
	struct cut_retry retry, *kept;

	if (!node || load_object(l, T_RETRY, node, &retry) < 0)
		return l->retry;
	kept = cut_arena_new(&l->rb->arena, struct cut_retry);
	*kept = retry;
	return kept;
}

static void set_param(struct load *l, struct cut_body *body, const char *name, uint32_t node,
		      struct load_values *values)
{
	const struct cut_param *row = body->action->params;
	json_t *value;

	while (row->name && strcmp(row->name, name) != 0)
		row++;
	if (!row->name)
		return;
	cut_buf_printf(&values->pointer, "/%s", name);
	value = load_value(l, node, row->type, row->flags, row->range, values);
	cut_buf_reset(&values->pointer);
	json_object_set_new(body->params, name, value ? value : json_null());
}

static bool is_variable(const char *name)
{
	return name[0] &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
		       strlen(name) &&
	       (name[0] < '0' || name[0] > '9');
}

static json_t *load_variable(struct load *l, uint32_t node, struct load_values *values)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	uint32_t secret = load_find(l, node, "secret");
	const char *name = cut_doc_key(l->doc, node);
	json_t *value;

	if (!is_variable(name))
		load_fault_key(l, node, "letters, digits and _",
			       "'%s' is not the name of a variable", name);
	if (n->kind == CUT_NODE_SCALAR)
		return load_part(l, node, cut_doc_str(l->doc, node), values);
	if (!secret || cut_doc_count(l->doc, node) != 1) {
		if (n->kind != CUT_NODE_NONE)
			load_fault(l, node, "write NAME: text, or NAME: {secret: name}",
				   "%s: neither a text nor a secret", name);
		return NULL;
	}
	value = load_value(l, secret, CUT_T_SECRET, 0, NULL, values);
	return value ? json_pack("{s:o}", "secret", value) : NULL;
}

static void load_env(struct load *l, struct cut_body *body, uint32_t node,
		     struct load_values *values)
{
	json_t *env;

	if (!load_is(l, node, CUT_NODE_MAP, "env"))
		return;
	env = json_object();
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		json_t *value;

		cut_buf_printf(&values->pointer, "/env/%s", cut_doc_key(l->doc, at));
		value = load_variable(l, at, values);
		cut_buf_reset(&values->pointer);
		json_object_set_new(env, cut_doc_key(l->doc, at), value ? value : json_null());
	}
	json_object_set_new(body->params, "env", env);
}

static const char *output_type(struct load *l, uint32_t node, enum cut_type *ret)
{
	const char *name = load_text(l, node);
	int type = name ? load_type_named(name) : -1;
	struct cut_near near = {.word = name};

	if (!name)
		return NULL;
	if (type < 0) {
		for (int t = CUT_T_STRING; t <= CUT_T_ARGV; t++)
			cut_near_try(&near, cut_type_name((enum cut_type)t));
		load_fault(
			l, node,
			near.best
				? load_did_you_mean(l, &near)
				: "such as string, int, number, bool, duration, list, map or json",
			"'%s' is not a type", name);
		return NULL;
	}
	*ret = (enum cut_type)type;
	return name;
}

static void load_outputs(struct load *l, struct cut_body *body, uint32_t node)
{
	json_t *types;

	if (!load_is(l, node, CUT_NODE_MAP, "outputs"))
		return;
	types = json_object();
	body->outputs =
		cut_arena_array(&l->rb->arena, struct cut_output, cut_doc_count(l->doc, node) + 1);
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		struct cut_output *output = &body->outputs[body->outputs_len];
		const char *name;

		output->name = cut_doc_key(l->doc, at);
		name = output_type(l, at, &output->type);
		body->outputs_len++;
		if (name)
			json_object_set_new(types, output->name, json_string(name));
	}
	json_object_set_new(body->params, "outputs", types);
}

/* `shell: true`: values reach the text as variables, so that none of them is ever code. */
static void load_script(struct load *l, struct cut_body *body, uint32_t node,
			struct load_values *values)
{
	struct cut_buf script = {0}, names = {0};
	json_t *env = json_object_get(body->params, "env");
	size_t len;

	if (load_shell(l, node, &script, &names, &len) == 0) {
		const char *text = names.data;

		if (!env && len > 0) {
			env = json_object();
			json_object_set_new(body->params, "env", env);
		}
		for (size_t i = 1; i <= len; i++, text += strlen(text) + 1) {
			cut_auto(cut_str) char *name = cut_printf("CUTOVER_VALUE_%zu", i);
			json_t *value;

			cut_buf_printf(&values->pointer, "/env/%s", name);
			value = load_part(l, node, text, values);
			cut_buf_reset(&values->pointer);
			json_object_set_new(env, name, value ? value : json_null());
		}
		json_object_set_new(body->params, "argv", json_pack("[s]", cut_buf_str(&script)));
	}
	cut_buf_done(&names);
	cut_buf_done(&script);
}

static void load_command(struct load *l, struct cut_body *body, uint32_t node, uint32_t at,
			 struct load_values *values)
{
	bool shell = json_is_true(json_object_get(body->params, "shell"));
	const struct cut_node *n = node ? cut_doc_at(l->doc, node) : NULL;

	if (!n) {
		load_fault(l, at, "program and arguments", "exec needs 'argv'");
	} else if (!shell) {
		set_param(l, body, "argv", node, values);
	} else if (n->kind == CUT_NODE_SCALAR) {
		load_script(l, body, node, values);
	} else {
		load_fault(l, node, "write the script as one text, or take shell: true away",
			   "a shell runs a text, not a list");
	}
}

static void load_exec(struct load *l, uint32_t node, const struct body_draft *draft,
		      struct cut_body *body, struct load_values *values)
{
	uint32_t with_env = load_find(l, draft->with, "env");
	uint32_t with_outputs = load_find(l, draft->with, "outputs");

	for (size_t i = 0; i < CUT_ARRAY_LEN(beside); i++) {
		uint32_t given = *(const uint32_t *)((const char *)draft + beside[i].offset);

		if (given)
			set_param(l, body, beside[i].name, given, values);
	}
	if (draft->env || with_env)
		load_env(l, body, draft->env ? draft->env : with_env, values);
	if (draft->outputs || with_outputs)
		load_outputs(l, body, draft->outputs ? draft->outputs : with_outputs);
	load_command(l, body, draft->run ? draft->run : load_find(l, draft->with, "argv"), node,
		     values);
	body->ops &= ~(uint32_t)(CUT_HAS_OBSERVE | CUT_HAS_PLAN | CUT_HAS_ROLLBACK);
	if (json_object_get(body->params, "observe"))
		body->ops |= CUT_HAS_OBSERVE;
	if (json_object_get(body->params, "plan"))
		body->ops |= CUT_HAS_PLAN;
	body->class = body->ops & CUT_HAS_OBSERVE ? CUT_PROBE : CUT_OPAQUE;
}

/* What an http request is depends on its method, a drill's class on its mark. */
static void infer(struct cut_body *body)
{
	if (is_action(body, "http")) {
		const char *method = cut_json_str(body->params, "method", "GET");
		bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
		bool dedup = json_object_get(body->params, "idempotency_header");

		body->class = reads ? CUT_DECLARATIVE : dedup ? CUT_DEDUP : CUT_OPAQUE;
		if (reads)
			body->effects = (body->effects & ~(uint32_t)EFFECTS) | CUT_READ;
	} else if (is_action(body, "drill")) {
		body->class = json_object_get(body->params, "mark") ? CUT_PROBE : CUT_DECLARATIVE;
	}
}

/* What stands beside the body must be something that this action takes. */
static void refuse_beside(struct load *l, const struct body_draft *draft, const char *name,
			  bool exec)
{
	const struct {
		const char *key;
		uint32_t node;
	} given[] = {{"env", draft->env},
		     {"observe", draft->observe},
		     {"plan", draft->plan},
		     {"stdin", draft->stdin_node},
		     {"cwd", draft->cwd},
		     {"shell", draft->shell},
		     {"expect_exit", draft->expect_exit},
		     {"outputs", draft->outputs}};

	for (size_t i = 0; i < CUT_ARRAY_LEN(given); i++) {
		if (given[i].node && !exec)
			load_fault_key(l, given[i].node, "it belongs to run and exec",
				       "'%s' is not for %s", given[i].key, name);
		else if (given[i].node && load_find(l, draft->with, given[i].key))
			load_fault_key(l, given[i].node, "keep one of the two",
				       "'%s' is given in 'with' already", given[i].key);
	}
	if (draft->with && draft->run)
		load_fault_key(l, draft->with, "parameters of exec stand beside run",
			       "'with' goes with 'uses'");
}

static void set_declared(struct load *l, uint32_t node, const struct body_draft *draft,
			 struct cut_body *body)
{
	static const struct {
		const char *word;
		uint32_t effect;
	} effects[] = {{"read", CUT_READ},
		       {"write", CUT_WRITE},
		       {"traffic", CUT_TRAFFIC},
		       {"destroy", CUT_DESTROY}};
	static const struct {
		const char *word;
		enum cut_class class;
	} classes[] = {
		{"declarative", CUT_DECLARATIVE}, {"probe", CUT_PROBE}, {"opaque", CUT_OPAQUE}};

	if ((draft->effects || draft->class) && body->action &&
	    !(body->action->effects & CUT_KEYS_BODY)) {
		load_fault_key(l, load_find(l, node, draft->effects ? "effects" : "class"),
			       "only exec, http, manual and drill are told them",
			       "%s has effects and a class of its own", body->uses);
		return;
	}
	for (size_t i = 0; draft->effects && i < CUT_ARRAY_LEN(effects); i++)
		if (strcmp(effects[i].word, draft->effects) == 0)
			body->effects = (body->effects & ~(uint32_t)EFFECTS) | effects[i].effect;
	for (size_t i = 0; draft->class && i < CUT_ARRAY_LEN(classes); i++)
		if (strcmp(classes[i].word, draft->class) == 0)
			body->class = classes[i].class;
	if (l->reading_only && body->effects & (EFFECTS & ~CUT_READ)) {
		if (draft->effects || !(body->action && body->action->effects & CUT_KEYS_BODY))
			load_fault_key(l, load_find(l, node, draft->effects ? "effects" : "uses"),
				       "put what changes something into a step of a phase",
				       "only what reads may stand here");
		body->effects = CUT_READ | (body->effects & CUT_KEYS_BODY);
		body->class = CUT_DECLARATIVE;
	}
	if (body->effects & CUT_READ)
		body->effects &= ~(uint32_t)CUT_SAVES;
}

static void load_check(struct load *l, uint32_t node, const struct body_draft *draft,
		       struct cut_body *body)
{
	uint32_t that = draft->with ? load_child(l, draft->with, l->word.that) : 0;
	size_t errors = l->faults->errors;

	if (that && cut_doc_at(l->doc, that)->kind == CUT_NODE_LIST &&
	    !cut_doc_at(l->doc, that)->child)
		load_fault(l, that, "write what must be true", "a check of nothing always passes");
	if (that && !cut_doc_at(l->doc, that)->next &&
	    cut_doc_at(l->doc, draft->with)->child == that) {
		load_exprs(l, that, &body->that, &body->that_text, &body->that_len);
		return;
	}
	json_decref(load_params(l, draft->with, node, "check", body->action->params,
				(const char *const[]){"that", NULL}, NULL));
	if (!that && l->faults->errors == errors)
		load_fault(l, node, "an expression or a list of them", "check needs 'that'");
	else if (that)
		load_exprs(l, that, &body->that, &body->that_text, &body->that_len);
}

static const char *const no_keys[] = {NULL};
static const char *const exec_keys[] = {"argv", "env", "outputs", NULL};

int load_body(struct load *l, uint32_t node, const struct body_draft *draft, struct cut_body *body)
{
	struct load_values values = {0};
	size_t errors = l->faults->errors;
	bool exec;

	body->timeout = draft->timeout == CUT_NEVER ? l->defaults.timeout : draft->timeout;
	body->retry = load_retry(l, draft->retry);
	body->uses = draft->run ? "exec" : draft->uses;
	body->action =
		find_action(l, draft->run ? node : load_child(l, node, l->word.uses), body->uses);
	if (!body->action)
		return -EINVAL;
	body->effects = body->action->effects;
	body->class = body->action->class;
	body->ops = body->action->ops;
	exec = is_action(body, "exec");
	refuse_beside(l, draft, body->uses, exec);
	if (is_action(body, "check")) {
		load_check(l, node, draft, body);
	} else {
		body->params =
			load_params(l, draft->run ? 0 : draft->with, node, body->uses,
				    body->action->params, exec ? exec_keys : no_keys, &values);
		cut_vec_push(&l->rb->values, body->params);
		if (exec)
			load_exec(l, node, draft, body, &values);
		infer(body);
	}
	set_declared(l, node, draft, body);
	body->dynamic_len = (uint32_t)values.dynamic.len;
	if (values.dynamic.len) {
		body->dynamic =
			cut_arena_array(&l->rb->arena, struct cut_dynamic, values.dynamic.len);
		memcpy(body->dynamic, values.dynamic.items,
		       values.dynamic.len * sizeof(*body->dynamic));
	}
	if (body->action->ops & CUT_HAS_CHECK && !values.dynamic.len && l->faults->errors == errors)
		cut_vec_push(&l->checks,
			     (struct load_check){.action = body->action,
						 .node = draft->with ? draft->with : node,
						 .params = body->params});
	free(values.dynamic.items);
	cut_buf_done(&values.pointer);
	return 0;
}

int load_action(struct load *l, uint32_t node, struct cut_body *ret)
{
	struct body_draft draft;
	bool own = l->own;
	int r;

	r = load_object(l, T_BODY, node, &draft);
	if (!!draft.uses + !!draft.run != 1) {
		if (r == 0)
			load_fault(l, node, NULL, "a body needs either 'uses' or 'run'");
		return -EINVAL;
	}
	l->own = true;
	r = load_body(l, node, &draft, ret);
	l->own = own;
	return r;
}
