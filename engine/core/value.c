/* SPDX-License-Identifier: Apache-2.0 */
/* The types of parameters and outputs: what each is called, how it is written, how the value of an
 * expression becomes one. */
#include "engine/core/value.h"

#include "engine/base/num.h"
#include "engine/core/value_text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const struct type_row {
	const char *name;
	const char *noun, *such_as; /* "a duration" " with a unit, such as 30s or 1h30m" */
	value_text_fn *parse;
	bool ranged; /* range is "min..max" */
} types[] = {
	[CUT_T_STRING] = {"string", "a text", "", value_text_string},
	[CUT_T_INT] = {"int", "a whole number", ", such as 5", value_text_int, true},
	[CUT_T_NUMBER] = {"number", "a number", ", such as 2.5", value_text_number, true},
	[CUT_T_BOOL] = {"bool", "true or false", "", value_text_bool},
	[CUT_T_DURATION] = {"duration", "a duration", " with a unit, such as 30s or 1h30m",
			    value_text_duration, true},
	[CUT_T_PERCENT] = {"percent", "a percentage", ", such as 5%", value_text_percent, true},
	[CUT_T_TIME] = {"time", "a time", ", such as 2026-11-22T02:00:00+01:00", value_text_time},
	[CUT_T_FQDN] = {"fqdn", "a domain name", ", such as www.shop.test", value_text_fqdn},
	[CUT_T_IP] = {"ip", "an IP address", ", such as 192.0.2.7 or 2001:db8::7", value_text_ip},
	[CUT_T_URL] = {"url", "a URL", ", such as https://shop.test/health", value_text_url},
	[CUT_T_SIZE] = {"size", "a size", " with a unit, such as 64KiB or 10GB", value_text_size,
			true},
	[CUT_T_CHOICE] = {"choice", "one of", "", value_text_choice},
	[CUT_T_LIST] = {"list", "a list", "", value_text_json},
	[CUT_T_MAP] = {"map", "a map", "", value_text_json},
	[CUT_T_JSON] = {"json", "JSON", "", value_text_json},
	[CUT_T_EXPR] = {"expression", "an expression", "", value_text_expr},
	[CUT_T_CONNECTION] = {"connection", "the name of a connection", "", value_text_id},
	[CUT_T_SECRET] = {"secret", "the name of a secret", "", value_text_id},
	[CUT_T_RATE] = {"rate", "a rate", " with a unit, such as 1/s or 30/m", value_text_rate,
			true},
	[CUT_T_ARGV] = {"argv", "a list of words", ", such as [bin/app, green]", value_text_json},
};

const char *cut_type_name(enum cut_type type)
{
	return types[type].name;
}

/* The type of the items of a list or map: any where range names none. */
static enum cut_type item_type(enum cut_type type, const char *range)
{
	if (type == CUT_T_ARGV)
		return CUT_T_STRING;
	for (size_t t = 0; range && t < CUT_ARRAY_LEN(types); t++)
		if (strcmp(types[t].name, range) == 0)
			return (enum cut_type)t;
	return CUT_T_JSON;
}

/* "a duration from 1s to 1h", "one of a, b or c", else with an example. */
static void describe(enum cut_type type, const char *range, struct cut_buf *out)
{
	const struct type_row *row = &types[type];
	const char *dots = range && row->ranged ? strstr(range, "..") : NULL;

	cut_buf_add_str(out, row->noun);
	if (type == CUT_T_CHOICE && range) {
		cut_buf_add_char(out, ' ');
		for (const char *at = range; *at; at++)
			cut_buf_printf(out,
				       *at != '|'	     ? "%c"
				       : strchr(at + 1, '|') ? ", "
							     : " or ",
				       *at);
	} else if (!dots) {
		cut_buf_add_str(out, row->such_as);
	} else if (dots == range) {
		cut_buf_printf(out, " of at most %s", dots + 2);
	} else if (!dots[2]) {
		cut_buf_printf(out, " of at least %.*s", (int)(dots - range), range);
	} else {
		cut_buf_printf(out, " from %.*s to %s", (int)(dots - range), range, dots + 2);
	}
}

static int mismatch(enum cut_type type, const char *range, int code, const char *why,
		    const char *next, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf what = {0};

	describe(type, range, &what);
	return cut_err_set(err, code, why, next, "%s", cut_buf_str(&what));
}

/* -1 below, 1 above the bound that is written as the type is; 0: equal, or no bound. */
static int against(enum cut_type type, const char *bound, size_t len, double value)
{
	const struct value_text in = {.text = bound, .len = len};
	cut_auto(cut_json) json_t *json = NULL;
	cut_auto(cut_str) char *hint = NULL;

	if (!len || types[type].parse(&in, &json, &hint) < 0)
		return 0;
	return (value > json_number_value(json)) - (value < json_number_value(json));
}

static int check_range(enum cut_type type, const char *range, const json_t *json,
		       struct cut_err *err)
{
	const char *dots = range && types[type].ranged ? strstr(range, "..") : NULL;
	double value = json_number_value(json);

	if (!dots || (against(type, range, (size_t)(dots - range), value) >= 0 &&
		      against(type, dots + 2, strlen(dots + 2), value) <= 0))
		return 0;
	return mismatch(type, range, -ERANGE, NULL, NULL, err);
}

/* A list or map that was written as JSON: its items are held against their type too. */
static int coerce_json(enum cut_type type, const char *range, const json_t *json, json_t **ret,
		       struct cut_err *err)
{
	struct cut_arena arena = {0};
	struct cut_val val = cut_val_from_json(json, &arena);
	int r = cut_value_coerce(type, range, &val, ret, err);

	cut_arena_done(&arena);
	return r;
}

static bool is_compound(enum cut_type type)
{
	return type == CUT_T_LIST || type == CUT_T_MAP || type == CUT_T_ARGV;
}

int cut_value_parse(enum cut_type type, const char *range, const char *text, size_t len,
		    json_t **ret, struct cut_err *err)
{
	const struct value_text in = {.text = text, .len = len, .range = range};
	cut_auto(cut_json) json_t *json = NULL;
	cut_auto(cut_str) char *hint = NULL;
	int r = types[type].parse(&in, &json, &hint);

	if (r < 0)
		return mismatch(type, range, r, r == -ERANGE ? "it is too large" : NULL, hint, err);
	if (is_compound(type)) {
		if (!json_is_array(json) && !json_is_object(json))
			return mismatch(type, range, -EINVAL, NULL, NULL, err);
		return coerce_json(type, range, json, ret, err);
	}
	r = check_range(type, range, json, err);
	if (r == 0)
		*ret = cut_take(json);
	return r;
}

static int unfit(enum cut_type type, const char *range, const struct cut_val *val, const char *next,
		 struct cut_err *err)
{
	const char *kind = cut_val_kind_name(val->kind);
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_str) char *why = NULL;

	if (cut_val_text(val, &text, NULL) == 0)
		why = cut_printf("it is the %s %s", kind, cut_buf_str(&text));
	else
		why = cut_printf(val->kind == CUT_VAL_NULL ? "it is %s" : "it is a %s", kind);
	return mismatch(type, range, -EINVAL, why, next, err);
}

static int coerce_list(enum cut_type type, const char *range, const struct cut_val *val,
		       json_t **ret, struct cut_err *err)
{
	enum cut_type item = item_type(type, range);
	cut_auto(cut_json) json_t *array = json_array();

	for (size_t i = 0; i < val->list.len; i++) {
		cut_auto(cut_err) struct cut_err of_item = {0};
		json_t *json;
		int r = cut_value_coerce(item, NULL, &val->list.items[i], &json, &of_item);

		if (r < 0)
			return cut_err_set(err, r, of_item.why, of_item.next,
					   "a list whose item %zu is %s", i + 1, of_item.what);
		json_array_append_new(array, json);
	}
	*ret = cut_take(array);
	return 0;
}

static int coerce_map(enum cut_type type, const char *range, const struct cut_val *val,
		      json_t **ret, struct cut_err *err)
{
	enum cut_type item = item_type(type, range);
	cut_auto(cut_json) json_t *object = json_object();

	for (size_t i = 0; i < val->map.len; i++) {
		cut_auto(cut_err) struct cut_err of_item = {0};
		cut_auto(cut_buf) struct cut_buf key = {0};
		json_t *json;
		int r = cut_value_coerce(item, NULL, &val->map.values[i], &json, &of_item);

		cut_val_text(&val->map.keys[i], &key, NULL);
		if (r < 0)
			return cut_err_set(err, r, of_item.why, of_item.next,
					   "a map whose member %s is %s", cut_buf_str(&key),
					   of_item.what);
		json_object_set_new(object, cut_buf_str(&key), json);
	}
	*ret = cut_take(object);
	return 0;
}

/* What a value of an expression is in JSON where its kind fits the type as it is; NULL: it does
 * not. */
static json_t *fitting(enum cut_type type, const struct cut_val *val)
{
	bool whole =
		val->kind == CUT_VAL_DOUBLE && fabs(val->d) <= 0x1p53 && val->d == trunc(val->d);
	bool finite = val->kind == CUT_VAL_DOUBLE && isfinite(val->d);

	switch (type) {
	case CUT_T_INT:
		return val->kind == CUT_VAL_INT ? json_integer(val->i)
		       : whole			? json_integer((int64_t)val->d)
						: NULL;
	case CUT_T_NUMBER:
		return val->kind == CUT_VAL_INT ? json_integer(val->i)
		       : finite			? json_real(val->d)
						: NULL;
	case CUT_T_BOOL: return val->kind == CUT_VAL_BOOL ? json_boolean(val->b) : NULL;
	case CUT_T_DURATION:
		return val->kind == CUT_VAL_DURATION && val->i >= 0 ? cut_json_seconds(val->i)
								    : NULL;
	case CUT_T_PERCENT:
	case CUT_T_RATE: return finite && val->d >= 0 ? json_real(val->d) : NULL;
	case CUT_T_TIME: return val->kind == CUT_VAL_TIMESTAMP ? cut_json_rfc3339(val->i) : NULL;
	case CUT_T_SIZE:
		return val->kind == CUT_VAL_INT && val->i >= 0 ? json_integer(val->i) : NULL;
	case CUT_T_JSON: return val->kind == CUT_VAL_LAZY ? NULL : cut_val_to_json(val);
	default: return NULL;
	}
}

static const char *hint_for(enum cut_type type, const struct cut_val *val)
{
	bool number = val->kind == CUT_VAL_INT || val->kind == CUT_VAL_DOUBLE;

	if (type == CUT_T_DURATION && number)
		return "add its unit: duration(string(…) + 's')";
	if (type == CUT_T_PERCENT && number)
		return "add its unit: \"${{ … }}%\"";
	return NULL;
}

int cut_value_coerce(enum cut_type type, const char *range, const struct cut_val *val, json_t **ret,
		     struct cut_err *err)
{
	cut_auto(cut_json) json_t *json = fitting(type, val);
	cut_auto(cut_buf) struct cut_buf text = {0};
	int r;

	if (json) {
		r = check_range(type, range, json, err);
		if (r == 0)
			*ret = cut_take(json);
		return r;
	}
	if (val->kind == CUT_VAL_LIST && (type == CUT_T_LIST || type == CUT_T_ARGV))
		return coerce_list(type, range, val, ret, err);
	if (val->kind == CUT_VAL_MAP && type == CUT_T_MAP)
		return coerce_map(type, range, val, ret, err);
	if (type == CUT_T_ARGV && val->kind == CUT_VAL_STRING)
		return unfit(type, range, val, "a value never becomes more than one word", err);
	/* Text is read as if it were written there; other scalars where text is wanted. */
	if (val->kind == CUT_VAL_STRING)
		return cut_value_parse(type, range, val->str.s, val->str.len, ret, err);
	if ((type != CUT_T_STRING && type != CUT_T_CHOICE) || cut_val_text(val, &text, NULL) < 0)
		return unfit(type, range, val, hint_for(type, val), err);
	return cut_value_parse(type, range, cut_buf_str(&text), text.len, ret, err);
}

static struct cut_val typed_list(enum cut_type type, const json_t *json, struct cut_arena *arena)
{
	size_t len = json_array_size(json);
	struct cut_val list = {.kind = CUT_VAL_LIST, .list = {.len = len}};

	list.list.items = cut_arena_array(arena, struct cut_val, len);
	for (size_t i = 0; i < len; i++)
		list.list.items[i] = cut_value_typed(type, json_array_get(json, i), arena);
	return list;
}

struct cut_val cut_value_typed(enum cut_type type, const json_t *json, struct cut_arena *arena)
{
	bool measure = type == CUT_T_NUMBER || type == CUT_T_PERCENT || type == CUT_T_RATE;
	cut_time t;

	if (json_is_array(json) && !is_compound(type) && type != CUT_T_JSON)
		return typed_list(type, json, arena);
	if (type == CUT_T_DURATION && json_is_number(json))
		return (struct cut_val){.kind = CUT_VAL_DURATION, .i = cut_json_ms(json, 0)};
	if (measure && json_is_number(json))
		return (struct cut_val){.kind = CUT_VAL_DOUBLE, .d = json_number_value(json)};
	if (type == CUT_T_TIME && json_is_string(json) &&
	    cut_rfc3339_parse(json_string_value(json), json_string_length(json), &t) == 0)
		return (struct cut_val){.kind = CUT_VAL_TIMESTAMP, .i = t};
	return cut_val_from_json(json, arena);
}

/* As JSON has them: 007 is a text, and so is what would lose digits as a number. */
static json_t *plain_number(const char *text, size_t len)
{
	size_t digit = len && text[0] == '-';
	int64_t whole;
	double real;
	int r;

	if (len > digit + 1 && text[digit] == '0' && text[digit + 1] >= '0' &&
	    text[digit + 1] <= '9')
		return NULL;
	r = cut_int_parse(text, len, &whole);
	if (r == 0)
		return json_integer(whole);
	return r == -EINVAL && cut_real_parse(text, len, &real) == 0 ? json_real(real) : NULL;
}

json_t *cut_value_untyped(const char *text, size_t len, bool quoted)
{
	static const char *const words[] = {"true", "false", "null"};
	json_t *number = quoted ? NULL : plain_number(text, len);

	if (number)
		return number;
	for (size_t i = 0; !quoted && i < CUT_ARRAY_LEN(words); i++)
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
			return i == 2 ? json_null() : json_boolean(i == 0);
	return json_stringn(text, len);
}
