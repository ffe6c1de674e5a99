/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions and `${{ }}` in texts: parsed once a text, names that are known at load put in at
 * once, the rest kept for the run and noted for the check of references. */
#include "engine/runbook/load.h"
#include "engine/core/names.h"

#include <errno.h>
#include <string.h>

static void on_any_ref(void *data, const char *const *path, size_t len, bool in_has)
{
	*(bool *)data = true;
}

static struct load_expr *expr_parse(struct load *l, const char *text, size_t len)
{
	struct load_expr *e = cut_arena_new(&l->rb->arena, struct load_expr);
	cut_auto(cut_err) struct cut_err err = {0};

	e->text = cut_arena_strndup(&l->rb->arena, text, len);
	if (cut_expr_parse(text, len, &e->expr, &e->column, &err) < 0) {
		e->expr = NULL;
		e->fault = cut_arena_printf(&l->rb->arena, "%s",
					    err.what ? err.what : "not an expression");
		e->next = err.next ? cut_arena_printf(&l->rb->arena, "%s", err.next) : NULL;
		return e;
	}
	cut_vec_push(&l->rb->exprs, e->expr);
	cut_expr_refs(e->expr, on_any_ref, &e->has_refs);
	return e;
}

static struct load_expr *expr_of(struct load *l, const char *text, size_t len)
{
	uint32_t index = cut_map_get(&l->expr_index, text, len);
	struct load_expr *e;

	if (index != CUT_MAP_NONE)
		return l->exprs.items[index];
	e = expr_parse(l, text, len);
	cut_map_put(&l->expr_index, e->text, len, (uint32_t)l->exprs.len, NULL);
	cut_vec_push(&l->exprs, e);
	return e;
}

/* Parses and judges one expression. NULL: told, or it depends on what has no value. */
static struct load_expr *use_expr(struct load *l, uint32_t node, size_t offset, const char *text,
				  size_t len, enum cut_use_place place, bool *ret_dynamic)
{
	struct load_expr *e = expr_of(l, text, len);
	bool dynamic = false;

	if (!e->expr) {
		load_fault_at(l, node, offset + (e->column ? e->column - 1 : 0), 1, e->next,
			      "expression: %s", e->fault);
		return NULL;
	}
	if (e->has_refs && !load_refs(l, node, offset, (unsigned)len, e->expr, &dynamic))
		return NULL;
	if (dynamic)
		cut_vec_push(&l->uses, (struct cut_use){.expr = e->expr,
							.step = l->step,
							.group = l->group,
							.node = node,
							.offset = (uint32_t)offset,
							.place = place,
							.own = l->own});
	if (ret_dynamic)
		*ret_dynamic = dynamic;
	return e;
}

bool load_has_template(const char *text)
{
	return strstr(text, "${{") != NULL;
}

/* Where a text means a value and does not say so as one does here: {{ params.x }}, ${params.x}. */
static const char *foreign_braces(const char *text)
{
	static const char *const roots[] = {"params.", "environments.", "steps.", "run."};

	for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
		const char *name = at + 1 + strspn(at + 1, " ");

		if (at >= text + 2 && at[-1] == '{' && at[-2] == '$')
			continue;
		for (size_t i = 0; i < CUT_ARRAY_LEN(roots); i++)
			if (strncmp(name, roots[i], strlen(roots[i])) == 0)
				return name;
	}
	return NULL;
}

void load_warn_braces(struct load *l)
{
	const struct cut_doc *doc = l->doc;
	bool any = false;

	for (uint32_t i = 0; i < doc->texts_len && !any; i++)
		any = foreign_braces(doc->texts[i]) != NULL;
	for (uint32_t i = 1; any && i < doc->len; i++) {
		const struct cut_node *n = cut_doc_at(doc, i);
		const char *name =
			n->kind == CUT_NODE_SCALAR ? foreign_braces(doc->texts[n->text]) : NULL;

		if (name)
			load_warn(l, i, "a value is put in by ${{ … }}",
				  "'%.*s' stands in braces that mean nothing here",
				  (int)strcspn(name, " |}"), name);
	}
}

const char *load_template_end(const char *at)
{
	unsigned open = 0;
	char quote = 0;

	for (; *at; at++) {
		if (quote) {
			if (*at == '\\' && at[1])
				at++;
			else if (*at == quote)
				quote = 0;
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == '{') {
			open++;
		} else if (*at == '}' && open > 0) {
			open--;
		} else if (at[0] == '}' && at[1] == '}') {
			return at;
		}
	}
	return NULL;
}

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && strchr(" \t\r\n", **text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]))
		(*len)--;
}

static struct load_expr *expr_at(struct load *l, uint32_t node, const char *text, size_t len,
				 enum cut_use_place place, bool *ret_dynamic)
{
	const char *start = text;

	trim(&text, &len);
	if (len >= 5 && memcmp(text, "${{", 3) == 0 &&
	    load_template_end(text + 3) == text + len - 2) {
		text += 3;
		len -= 5;
		trim(&text, &len);
	}
	return use_expr(l, node, (size_t)(text - start), text, len, place, ret_dynamic);
}

static int constant_ident(const struct cut_expr_env *env, const char *name, struct cut_arena *arena,
			  struct cut_val *ret)
{
	struct load *l = env->data;

	return cut_names_ident(l->rb, l->scope, name, arena, ret);
}

static int constant_member(const struct cut_expr_env *env, const struct cut_val *object,
			   const char *key, struct cut_arena *arena, struct cut_val *ret)
{
	struct load *l = env->data;

	return cut_names_member(l->rb, object, key, arena, ret);
}

static struct cut_expr_env constant_env(struct load *l)
{
	return (struct cut_expr_env){.ident = constant_ident, .member = constant_member, .data = l};
}

/* A condition: what is known of it when the runbook is loaded should be true or false. */
static struct load_expr *condition(struct load *l, uint32_t node, enum cut_use_place place)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	struct cut_expr_env env = constant_env(l);
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_arena arena = {0};
	bool dynamic = false;
	struct cut_val val;
	struct load_expr *e = expr_at(l, node, l->doc->texts[n->text], l->doc->text_lens[n->text],
				      place, &dynamic);

	if (!e || dynamic)
		return e;
	if (cut_expr_eval(e->expr, &env, &arena, &val, &err) < 0)
		load_warn(l, node, "the step will fail, or the gate stay open",
			  "this condition cannot be computed: %s", err.what);
	else if (val.kind != CUT_VAL_BOOL)
		load_warn(l, node, "compare it with something",
			  "this condition is of type %s, neither true nor false",
			  cut_val_kind_name(val.kind));
	cut_arena_done(&arena);
	return e;
}

struct cut_expr *load_expr(struct load *l, uint32_t node, enum cut_use_place place)
{
	struct load_expr *e = condition(l, node, place);

	return e ? e->expr : NULL;
}

int load_exprs(struct load *l, uint32_t node, struct cut_expr ***ret, const char ***ret_text,
	       uint32_t *ret_len)
{
	bool list = cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST;
	uint32_t len = list ? cut_doc_count(l->doc, node) : 1, i = 0;
	struct cut_expr **exprs = NULL;
	const char **texts = NULL;

	if (!list && !load_is(l, node, CUT_NODE_SCALAR, NULL))
		return -EINVAL;
	if (list) {
		exprs = cut_arena_array(&l->rb->arena, struct cut_expr *, len + 1);
		texts = cut_arena_array(&l->rb->arena, const char *, len + 1);
	}
	for (uint32_t at = list ? cut_doc_at(l->doc, node)->child : node; at;
	     at = list ? cut_doc_at(l->doc, at)->next : 0) {
		struct load_expr *e = NULL;

		if (load_is(l, at, CUT_NODE_SCALAR, NULL))
			e = condition(l, at, CUT_USE_CHECK);
		if (!e)
			continue;
		if (!list) { /* the common case costs nothing: the cache entry is the array */
			*ret = &e->expr;
			*ret_text = &e->text;
			*ret_len = 1;
			return 0;
		}
		exprs[i] = e->expr;
		texts[i++] = e->text;
	}
	if (!list || i < len)
		return -EINVAL;
	*ret = exprs;
	*ret_text = texts;
	*ret_len = i;
	return 0;
}

static int template_parse(struct load *l, uint32_t node, const char *text, struct cut_template *ret,
			  bool *ret_constant)
{
	struct {
		CUT_VEC(struct cut_template_part);
	} parts = {0};
	const char *start = text;
	bool bad = false;

	*ret_constant = true;
	while (*text) {
		const char *open = strstr(text, "${{"), *close;
		struct load_expr *e;
		bool dynamic = false;

		if (open != text) {
			size_t len = open ? (size_t)(open - text) : strlen(text);

			cut_vec_push(&parts,
				     (struct cut_template_part){
					     .text = cut_arena_strndup(&l->rb->arena, text, len)});
			text += len;
			continue;
		}
		close = load_template_end(open + 3);
		if (!close) {
			load_fault_at(l, node, (size_t)(open - start), 3, "close it with }}",
				      "'${{' is not closed");
			bad = true;
			break;
		}
		const char *inner = open + 3;
		size_t len = (size_t)(close - inner);

		trim(&inner, &len);
		e = use_expr(l, node, (size_t)(inner - start), inner, len, CUT_USE_VALUE, &dynamic);
		if (e)
			cut_vec_push(&parts, (struct cut_template_part){.expr = e->expr});
		else
			bad = true;
		if (dynamic)
			*ret_constant = false;
		text = close + 2;
	}
	*ret = (struct cut_template){.len = (uint32_t)parts.len};
	ret->parts = cut_arena_array(&l->rb->arena, struct cut_template_part, parts.len + 1);
	if (parts.len)
		memcpy(ret->parts, parts.items, parts.len * sizeof(*parts.items));
	ret->whole = parts.len == 1 && ret->parts[0].expr;
	cut_vec_done(&parts);
	return bad ? -EINVAL : 0;
}

int load_template_text(struct load *l, uint32_t node, const char *text, struct cut_template *ret,
		       bool *ret_constant)
{
	return template_parse(l, node, text, ret, ret_constant);
}

int load_template(struct load *l, uint32_t node, struct cut_template *ret, bool *ret_constant)
{
	return template_parse(l, node, cut_doc_str(l->doc, node), ret, ret_constant);
}

int load_constant(struct load *l, uint32_t node, const struct cut_template *tpl,
		  struct cut_arena *arena, struct cut_val *ret)
{
	struct cut_expr_env env = constant_env(l);
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_buf text = {0};
	int r = 0;

	for (uint32_t i = 0; i < tpl->len && r == 0; i++) {
		if (!tpl->parts[i].expr) {
			cut_buf_add_str(&text, tpl->parts[i].text);
			continue;
		}
		r = cut_expr_eval(tpl->parts[i].expr, &env, arena, ret, &err);
		if (r == 0 && !tpl->whole)
			r = cut_val_text(ret, &text, &err);
	}
	if (r < 0)
		load_fault(l, node, err.next, "this value cannot be computed: %s", err.what);
	else if (!tpl->whole) {
		*ret = (struct cut_val){.kind = CUT_VAL_STRING, .str.len = text.len};
		ret->str.s = cut_arena_strndup(arena, cut_buf_str(&text), text.len);
	}
	cut_buf_done(&text);
	return r < 0 ? -EINVAL : 0;
}

const char *load_text(struct load *l, uint32_t node)
{
	const char *text = cut_doc_str(l->doc, node), *kept = NULL;
	struct cut_arena arena = {0};
	struct cut_template tpl;
	struct cut_val val;
	bool constant;

	if (cut_doc_at(l->doc, node)->kind == CUT_NODE_NONE ||
	    !load_is(l, node, CUT_NODE_SCALAR, NULL))
		return NULL;
	if (!load_has_template(text))
		return text;
	if (load_template(l, node, &tpl, &constant) < 0)
		return NULL;
	if (!constant) {
		load_fault(l, node,
			   "only params, environments and a foreach's variable are known when a "
			   "runbook is loaded",
			   "values of the run cannot be used here");
		return NULL;
	}
	if (load_constant(l, node, &tpl, &arena, &val) == 0) {
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_buf buf = {0};

		if (cut_val_text(&val, &buf, &err) == 0)
			kept = cut_arena_strndup(&l->rb->arena, cut_buf_str(&buf), buf.len);
		else
			load_fault(l, node, NULL, "this value is not a text: %s", err.what);
		cut_buf_done(&buf);
	}
	cut_arena_done(&arena);
	return kept;
}
