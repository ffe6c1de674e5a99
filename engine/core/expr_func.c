/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of expressions. A row of the table is all that one more takes. */
#include "engine/core/expr_ast.h"

#include "engine/base/near.h"
#include "engine/base/num.h"
#include "engine/base/utf8.h"

#include <string.h>

static int cannot_convert(struct eval *ev, const struct cut_val *v, const char *to)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	expr_to_text(v, &text);
	return expr_fail(ev,
			 v->kind == CUT_VAL_STRING ? "cannot convert '%s' to %s"
						   : "cannot convert %s to %s",
			 cut_buf_str(&text), to);
}

static int give_int(struct cut_val *ret, int64_t i)
{
	*ret = (struct cut_val){.kind = CUT_VAL_INT, .i = i};
	return 0;
}

static int give_double(struct cut_val *ret, double d)
{
	*ret = (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = d};
	return 0;
}

static int give_bool(struct cut_val *ret, bool b)
{
	*ret = (struct cut_val){.kind = CUT_VAL_BOOL, .b = b};
	return 0;
}

static int call_size(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	switch (args->kind) {
	case CUT_VAL_STRING:
		return give_int(ret, (int64_t)cut_utf8_count(args->str.s, args->str.len));
	case CUT_VAL_LIST: return give_int(ret, (int64_t)args->list.len);
	case CUT_VAL_MAP: return give_int(ret, (int64_t)args->map.len);
	default: return expr_no_overload(ev, "size()", args, NULL);
	}
}

static int call_int(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	int64_t i;

	switch (args->kind) {
	case CUT_VAL_INT: return give_int(ret, args->i);
	case CUT_VAL_DOUBLE:
		/* CEL leaves out the ends, which a double cannot tell from their neighbours. */
		if (!(args->d > -0x1p63 && args->d < 0x1p63))
			return expr_fail(ev, "integer overflow");
		return give_int(ret, (int64_t)args->d);
	case CUT_VAL_STRING:
		if (cut_int_parse(args->str.s, args->str.len, &i) < 0)
			return cannot_convert(ev, args, "int");
		return give_int(ret, i);
	case CUT_VAL_TIMESTAMP:
		return give_int(ret, (args->i - (args->i % 1000 + 1000) % 1000) / 1000);
	default: return expr_no_overload(ev, "int()", args, NULL);
	}
}

static int call_double(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	double d;

	switch (args->kind) {
	case CUT_VAL_INT: return give_double(ret, (double)args->i);
	case CUT_VAL_DOUBLE: return give_double(ret, args->d);
	case CUT_VAL_STRING:
		if (cut_real_parse(args->str.s, args->str.len, &d) < 0)
			return cannot_convert(ev, args, "double");
		return give_double(ret, d);
	default: return expr_no_overload(ev, "double()", args, NULL);
	}
}

static int call_string(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (args->kind == CUT_VAL_STRING) {
		*ret = *args;
		return 0;
	}
	if (expr_to_text(args, &text) < 0)
		return expr_no_overload(ev, "string()", args, NULL);
	*ret = expr_str(cut_arena_strndup(ev->arena, text.data, text.len), text.len);
	return 0;
}

static int call_duration(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	bool minus;
	cut_time ms;

	if (args->kind == CUT_VAL_DURATION) {
		*ret = *args;
		return 0;
	}
	if (args->kind != CUT_VAL_STRING)
		return expr_no_overload(ev, "duration()", args, NULL);
	minus = args->str.len && args->str.s[0] == '-';
	if (cut_duration_parse(args->str.s + minus, args->str.len - minus, &ms) < 0)
		return cannot_convert(ev, args, "a duration");
	*ret = (struct cut_val){.kind = CUT_VAL_DURATION, .i = minus ? -ms : ms};
	return 0;
}

static int call_timestamp(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	struct cut_val v = {.kind = CUT_VAL_TIMESTAMP};

	switch (args->kind) {
	case CUT_VAL_TIMESTAMP: *ret = *args; return 0;
	case CUT_VAL_STRING:
		if (cut_rfc3339_parse(args->str.s, args->str.len, &v.i) < 0)
			return cannot_convert(ev, args, "a timestamp");
		break;
	case CUT_VAL_INT:
		if (__builtin_mul_overflow(args->i, 1000, &v.i))
			return cannot_convert(ev, args, "a timestamp");
		break;
	default: return expr_no_overload(ev, "timestamp()", args, NULL);
	}
	if (v.i < CUT_EXPR_FIRST_TIMESTAMP || v.i > CUT_EXPR_LAST_TIMESTAMP)
		return cannot_convert(ev, args, "a timestamp");
	*ret = v;
	return 0;
}

static bool are_strings(const struct cut_val *args)
{
	return args[0].kind == CUT_VAL_STRING && args[1].kind == CUT_VAL_STRING;
}

static int call_starts_with(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	if (!are_strings(args))
		return expr_no_overload(ev, "startsWith", &args[0], &args[1]);
	return give_bool(ret, args[0].str.len >= args[1].str.len &&
				      memcmp(args[0].str.s, args[1].str.s, args[1].str.len) == 0);
}

static int call_ends_with(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	if (!are_strings(args))
		return expr_no_overload(ev, "endsWith", &args[0], &args[1]);
	return give_bool(ret, args[0].str.len >= args[1].str.len &&
				      memcmp(args[0].str.s + args[0].str.len - args[1].str.len,
					     args[1].str.s, args[1].str.len) == 0);
}

static int call_contains(struct eval *ev, const struct cut_val *args, struct cut_val *ret)
{
	if (!are_strings(args))
		return expr_no_overload(ev, "contains", &args[0], &args[1]);
	return give_bool(ret, memmem(args[0].str.s, args[0].str.len, args[1].str.s,
				     args[1].str.len) != NULL);
}

static const struct expr_func functions[] = {
	{"contains", false, true, 2, call_contains},
	{"double", true, false, 1, call_double},
	{"duration", true, false, 1, call_duration},
	{"endsWith", false, true, 2, call_ends_with},
	{"int", true, false, 1, call_int},
	{"size", true, true, 1, call_size},
	{"startsWith", false, true, 2, call_starts_with},
	{"string", true, false, 1, call_string},
	{"timestamp", true, false, 1, call_timestamp},
};

const struct expr_func *expr_func_named(const char *name, size_t len)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(functions); i++)
		if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
			return &functions[i];
	return NULL;
}

const char *expr_func_near(const char *name)
{
	struct cut_near near = {.word = name};

	for (size_t i = 0; i < CUT_ARRAY_LEN(functions); i++)
		cut_near_try(&near, functions[i].name);
	return near.best;
}
