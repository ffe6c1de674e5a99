/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as text, of values and from the writer. Both print strings and numbers with the same
 * functions, so that the same value has the same bytes whoever wrote it. */
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

struct printing {
	struct cut_buf *out;
	unsigned style;
	unsigned depth;
};

static void add_value(struct printing *p, const json_t *j);

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void new_line(struct printing *p)
{
	if (!(p->style & CUT_JSON_INDENTED))
		return;
	cut_buf_add_char(p->out, '\n');
	for (unsigned i = 0; i < p->depth; i++)
		cut_buf_add(p->out, "  ", 2);
}

/* The start of item i of an object or a list. */
static void next_item(struct printing *p, size_t i)
{
	if (i)
		cut_buf_add_char(p->out, ',');
	new_line(p);
}

static void add_object(struct printing *p, const json_t *j)
{
	size_t n = json_object_size(j), i = 0;
	const char **keys = cut_new_array(const char *, n);
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)j, key, value)
		keys[i++] = key;
	if (p->style & CUT_JSON_SORTED)
		qsort(keys, n, sizeof(*keys), by_key);
	for (i = 0; i < n; i++) {
		next_item(p, i);
		add_string(p->out, keys[i], strlen(keys[i]));
		cut_buf_add_str(p->out, p->style & CUT_JSON_INDENTED ? ": " : ":");
		add_value(p, json_object_get(j, keys[i]));
	}
	free(keys);
}

static void add_array(struct printing *p, const json_t *j)
{
	for (size_t i = 0; i < json_array_size(j); i++) {
		next_item(p, i);
		add_value(p, json_array_get(j, i));
	}
}

static void add_nested(struct printing *p, const json_t *j, const char *brackets,
		       void (*add)(struct printing *, const json_t *))
{
	size_t before;

	cut_buf_add_char(p->out, brackets[0]);
	before = p->out->len;
	p->depth++;
	add(p, j);
	p->depth--;
	if (p->out->len > before)
		new_line(p);
	cut_buf_add_char(p->out, brackets[1]);
}

static void add_value(struct printing *p, const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT: add_nested(p, j, "{}", add_object); break;
	case JSON_ARRAY: add_nested(p, j, "[]", add_array); break;
	case JSON_STRING: add_string(p->out, json_string_value(j), json_string_length(j)); break;
	case JSON_INTEGER: cut_int_format(json_integer_value(j), p->out); break;
	case JSON_REAL: add_real(p->out, json_real_value(j)); break;
	case JSON_TRUE: cut_buf_add(p->out, "true", 4); break;
	case JSON_FALSE: cut_buf_add(p->out, "false", 5); break;
	case JSON_NULL: cut_buf_add(p->out, "null", 4); break;
	}
}

void cut_json_print(const json_t *j, unsigned style, struct cut_buf *out)
{
	struct printing p = {.out = out, .style = style};

	add_value(&p, j);
}

void cut_json_canonical(const json_t *j, struct cut_buf *out)
{
	cut_json_print(j, CUT_JSON_SORTED, out);
}

char *cut_json_text(const json_t *j, unsigned style)
{
	struct cut_buf out = {0};

	if (!j)
		return NULL;
	cut_json_print(j, style, &out);
	return cut_buf_take(&out);
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
		cut_json_canonical(value, w->out);
	else
		cut_buf_add(w->out, "null", 4);
}
