/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical JSON and the writer. Both print strings and numbers with the same functions, so that
 * the same value has the same bytes whoever wrote it. */
#include "engine/base/json.h"

#include "engine/base/num.h"
#include "engine/base/utf8.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void add_escaped(struct cut_buf *out, unsigned char c)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

	if (c >= 0x20)
		cut_buf_printf(out, "\\%c", c);
	else if (letters[c])
		cut_buf_printf(out, "\\%c", letters[c]);
	else
		cut_buf_printf(out, "\\u%04x", c);
}

/* Captured output need not be UTF-8, what we write must be: a stray byte becomes U+FFFD. */
static void add_string(struct cut_buf *out, const char *s, size_t len)
{
	size_t plain = 0;

	cut_buf_add_char(out, '"');
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i];
		size_t step = c < 0x80 ? 1 : cut_utf8_step(s + i, len - i);

		if (step && c >= 0x20 && c != '"' && c != '\\') {
			i += step;
			continue;
		}
		cut_buf_add(out, s + plain, i - plain);
		if (step)
			add_escaped(out, c);
		else
			cut_buf_add_str(out, "\xef\xbf\xbd");
		plain = ++i;
	}
	cut_buf_add(out, s + plain, len - plain);
	cut_buf_add_char(out, '"');
}

/* Always with a point or an exponent, so that it reads back as a real. */
static void add_real(struct cut_buf *out, double value)
{
	size_t at = out->len;

	cut_real_format(value, out);
	if (!out->error && !strpbrk(out->data + at, ".e"))
		cut_buf_add_str(out, ".0");
}

static void add_value(struct cut_buf *out, const json_t *j);

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_object(struct cut_buf *out, const json_t *j)
{
	size_t n = json_object_size(j), i = 0;
	const char **keys = cut_new_array(const char *, n);
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)j, key, value)
		keys[i++] = key;
	qsort(keys, n, sizeof(*keys), by_key);
	cut_buf_add_char(out, '{');
	for (i = 0; i < n; i++) {
		if (i)
			cut_buf_add_char(out, ',');
		add_string(out, keys[i], strlen(keys[i]));
		cut_buf_add_char(out, ':');
		add_value(out, json_object_get(j, keys[i]));
	}
	cut_buf_add_char(out, '}');
	free(keys);
}

static void add_array(struct cut_buf *out, const json_t *j)
{
	cut_buf_add_char(out, '[');
	for (size_t i = 0; i < json_array_size(j); i++) {
		if (i)
			cut_buf_add_char(out, ',');
		add_value(out, json_array_get(j, i));
	}
	cut_buf_add_char(out, ']');
}

static void add_value(struct cut_buf *out, const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT: add_object(out, j); break;
	case JSON_ARRAY: add_array(out, j); break;
	case JSON_STRING: add_string(out, json_string_value(j), json_string_length(j)); break;
	case JSON_INTEGER: cut_int_format(json_integer_value(j), out); break;
	case JSON_REAL: add_real(out, json_real_value(j)); break;
	case JSON_TRUE: cut_buf_add(out, "true", 4); break;
	case JSON_FALSE: cut_buf_add(out, "false", 5); break;
	case JSON_NULL: cut_buf_add(out, "null", 4); break;
	}
}

void cut_json_canonical(const json_t *j, struct cut_buf *out)
{
	add_value(out, j);
}

static void start_value(struct cut_jw *w, const char *key)
{
	uint64_t bit = 1ull << w->depth;

	assert(w->depth == 0 || !key == !!(w->list & bit));
	if (w->depth && (w->comma & bit))
		cut_buf_add_char(w->out, ',');
	w->comma |= bit;
	if (key) {
		add_string(w->out, key, strlen(key));
		cut_buf_add_char(w->out, ':');
	}
}

void cut_jw_open(struct cut_jw *w, const char *key, char bracket)
{
	uint64_t bit;

	assert(w->depth < 63 && (bracket == '{' || bracket == '['));
	start_value(w, key);
	cut_buf_add_char(w->out, bracket);
	bit = 1ull << ++w->depth;
	w->comma &= ~bit;
	w->list = bracket == '[' ? w->list | bit : w->list & ~bit;
}

void cut_jw_close(struct cut_jw *w)
{
	assert(w->depth > 0);
	cut_buf_add_char(w->out, w->list >> w->depth & 1 ? ']' : '}');
	w->depth--;
}

void cut_jw_str(struct cut_jw *w, const char *key, const char *value)
{
	start_value(w, key);
	if (value)
		add_string(w->out, value, strlen(value));
	else
		cut_buf_add(w->out, "null", 4);
}

void cut_jw_int(struct cut_jw *w, const char *key, int64_t value)
{
	start_value(w, key);
	cut_int_format(value, w->out);
}

void cut_jw_real(struct cut_jw *w, const char *key, double value)
{
	start_value(w, key);
	if (isfinite(value))
		add_real(w->out, value);
	else
		cut_buf_add(w->out, "null", 4);
}

void cut_jw_bool(struct cut_jw *w, const char *key, bool value)
{
	start_value(w, key);
	cut_buf_add_str(w->out, value ? "true" : "false");
}

void cut_jw_seconds(struct cut_jw *w, const char *key, cut_time ms)
{
	if (ms == CUT_NEVER)
		cut_jw_str(w, key, NULL);
	else if (ms % 1000)
		cut_jw_real(w, key, (double)ms / 1000);
	else
		cut_jw_int(w, key, ms / 1000);
}

void cut_jw_rfc3339(struct cut_jw *w, const char *key, cut_time wall)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (wall != CUT_NEVER)
		cut_rfc3339_format(wall, &text);
	cut_jw_str(w, key, text.data);
}

void cut_jw_json(struct cut_jw *w, const char *key, const json_t *value)
{
	start_value(w, key);
	if (value)
		add_value(w->out, value);
	else
		cut_buf_add(w->out, "null", 4);
}
