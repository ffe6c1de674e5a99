/* SPDX-License-Identifier: Apache-2.0 */
/* Text forms of values: scalars with their units. Those with a grammar of their own (names,
 * addresses) are in value_name.c. */
#include "engine/core/value_text.h"

#include "engine/base/num.h"

#include <errno.h>
#include <string.h>

static bool is_number(const struct value_text *in)
{
	double ignored;

	return cut_real_parse(in->text, in->len, &ignored) == 0;
}

static bool is_text(const struct value_text *in, const char *text)
{
	return strlen(text) == in->len && memcmp(text, in->text, in->len) == 0;
}

/* "write 10s, 10m or 10h" for a bare 10, else the hint on what units there are. */
static int lacks_unit(const struct value_text *in, const char *const *units, const char *known,
		      char **ret_hint)
{
	cut_auto(cut_buf) struct cut_buf hint = {0};

	if (!is_number(in)) {
		*ret_hint = cut_strdup(known);
		return -EINVAL;
	}
	cut_buf_add_str(&hint, "write ");
	for (size_t i = 0; units[i]; i++)
		cut_buf_printf(&hint, "%s%.*s%s",
			       !i	      ? ""
			       : units[i + 1] ? ", "
					      : " or ",
			       (int)in->len, in->text, units[i]);
	*ret_hint = cut_buf_take(&hint);
	return -EINVAL;
}

int value_text_string(const struct value_text *in, json_t **ret, char **ret_hint)
{
	json_t *json = memchr(in->text, '\0', in->len) ? NULL : json_stringn(in->text, in->len);

	if (!json) {
		*ret_hint = cut_strdup("it must be UTF-8, without the character 0");
		return -EINVAL;
	}
	*ret = json;
	return 0;
}

int value_text_int(const struct value_text *in, json_t **ret, char **ret_hint)
{
	int64_t v;
	int r = cut_int_parse(in->text, in->len, &v);

	if (r == 0)
		*ret = json_integer(v);
	return r;
}

int value_text_number(const struct value_text *in, json_t **ret, char **ret_hint)
{
	double v;
	int r = value_text_int(in, ret, ret_hint);

	if (r == 0)
		return 0;
	r = cut_real_parse(in->text, in->len, &v);
	if (r == 0)
		*ret = json_real(v);
	return r;
}

int value_text_bool(const struct value_text *in, json_t **ret, char **ret_hint)
{
	bool yes = is_text(in, "true");

	if (!yes && !is_text(in, "false")) {
		*ret_hint = cut_strdup("write true or false");
		return -EINVAL;
	}
	*ret = json_boolean(yes);
	return 0;
}

int value_text_duration(const struct value_text *in, json_t **ret, char **ret_hint)
{
	static const char *const units[] = {"s", "m", "h", NULL};
	cut_time ms;
	int r = cut_duration_parse(in->text, in->len, &ms);

	if (r == 0)
		*ret = cut_json_seconds(ms);
	if (r == -EINVAL)
		return lacks_unit(in, units, "units are d, h, m, s and ms, in this order",
				  ret_hint);
	return r;
}

/* The decimal point moves in the text, so that 0.7% is the very double that 0.007 is. */
int value_text_percent(const struct value_text *in, json_t **ret, char **ret_hint)
{
	static const char *const units[] = {"%", NULL};
	cut_auto(cut_str) char *scaled = NULL;
	double v;

	if (cut_real_parse(in->text, in->len, &v) == 0 && v > 0 && v < 1) {
		*ret_hint = cut_printf("write %g%% for that share of 1, or %.*s%%", v * 100,
				       (int)in->len, in->text);
		return -EINVAL;
	}
	if (!in->len || in->text[in->len - 1] != '%')
		return lacks_unit(in, units, NULL, ret_hint);
	scaled = cut_printf("%.*se-2", (int)in->len - 1, in->text);
	if (cut_real_parse(scaled, strlen(scaled), &v) < 0 || *scaled == '-')
		return -EINVAL;
	*ret = json_real(v);
	return 0;
}

int value_text_time(const struct value_text *in, json_t **ret, char **ret_hint)
{
	cut_auto(cut_str) char *in_utc = cut_printf("%.*sZ", (int)in->len, in->text);
	cut_time wall;

	if (cut_rfc3339_parse(in->text, in->len, &wall) == 0) {
		*ret = cut_json_rfc3339(wall);
		return 0;
	}
	if (cut_rfc3339_parse(in_utc, in->len + 1, &wall) == 0)
		*ret_hint = cut_strdup("add the offset from UTC: Z, or such as +01:00");
	return -EINVAL;
}

/* A number of digits, and a point, and one of the units, as a product that is whole. */
static int scaled_int(const char *number, size_t len, uint64_t unit, int64_t *ret)
{
	size_t dot = strcspn(number, ".") < len ? strcspn(number, ".") : len;
	int64_t whole, scale = 1, fraction = 0;
	int r = cut_int_parse(number, dot, &whole);

	if (r < 0)
		return r;
	if (dot < len &&
	    (len - dot - 1 > 6 || cut_int_parse(number + dot + 1, len - dot - 1, &fraction) < 0))
		return -EINVAL;
	for (size_t i = dot + 1; i < len; i++)
		scale *= 10;
	if (__builtin_mul_overflow(whole, unit, &whole))
		return -ERANGE;
	fraction *= (int64_t)unit;
	if (fraction % scale)
		return -EINVAL;
	return __builtin_add_overflow(whole, fraction / scale, ret) ? -ERANGE : 0;
}

int value_text_size(const struct value_text *in, json_t **ret, char **ret_hint)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {
		{"B", 1},
		{"kB", 1000},
		{"MB", 1000000},
		{"GB", 1000000000},
		{"TB", 1000000000000},
		{"KiB", 1ull << 10},
		{"MiB", 1ull << 20},
		{"GiB", 1ull << 30},
		{"TiB", 1ull << 40},
	};
	static const char *const proposed[] = {"B", "MiB", "GiB", NULL};
	cut_auto(cut_str) char *text = cut_strndup(in->text, in->len);
	size_t len = strspn(text, "0123456789.");
	int64_t bytes;

	for (size_t i = 0; i < CUT_ARRAY_LEN(units); i++) {
		int r;

		if (strlen(text) != in->len || strcmp(text + len, units[i].name) != 0)
			continue;
		r = scaled_int(text, len, units[i].bytes, &bytes);
		if (r == 0)
			*ret = json_integer(bytes);
		return r;
	}
	return lacks_unit(in, proposed, "units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB",
			  ret_hint);
}

int value_text_rate(const struct value_text *in, json_t **ret, char **ret_hint)
{
	static const char *const proposed[] = {"/s", "/m", "/h", NULL};
	static const struct {
		char name;
		double seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t len = in->len >= 2 ? in->len - 2 : 0;
	double v;

	if (len == 0 || in->text[len] != '/')
		return lacks_unit(in, proposed, "units are /s, /m, /h and /d", ret_hint);
	if (cut_real_parse(in->text, len, &v) < 0 || v < 0)
		return -EINVAL;
	for (size_t i = 0; i < CUT_ARRAY_LEN(units); i++) {
		if (in->text[len + 1] == units[i].name) {
			*ret = json_real(v / units[i].seconds);
			return 0;
		}
	}
	return -EINVAL;
}

int value_text_json(const struct value_text *in, json_t **ret, char **ret_hint)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int r = cut_json_parse(in->text, in->len, "it", ret, &err);

	if (r < 0 && err.why)
		*ret_hint = cut_strdup(err.why);
	return r;
}
