/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of the file into the types of C: words, numbers, durations, times, ids. Called for
 * every key that a table describes, and for a table's own defaults. */
#include "engine/runbook/load.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { UINT_AT_MOST = 1000000000 };

static int word_index(const char *range, const char *text, size_t len)
{
	int index = 0;

	for (const char *at = range;; index++) {
		size_t n = strcspn(at, "|");

		if (n == len && memcmp(at, text, n) == 0)
			return index;
		if (!at[n])
			return -1;
		at += n + 1;
	}
}

static const char *words_hint(struct load *l, const char *range, const char *text)
{
	struct cut_near near = {.word = text};
	struct cut_buf hint = {0};
	const char *kept;

	for (const char *at = range;;) {
		size_t n = strcspn(at, "|");
		char *word = cut_arena_strndup(&l->rb->arena, at, n);

		load_near_try(&near, word);
		cut_buf_printf(&hint, "%s%s", at == range ? "" : at[n] ? ", " : " or ", word);
		if (!at[n])
			break;
		at += n + 1;
	}
	kept = near.best ? load_did_you_mean(l, &near)
			 : cut_arena_printf(&l->rb->arena, "it may be %s", cut_buf_str(&hint));
	cut_buf_done(&hint);
	return kept;
}

/* "min..max", either open, by the reader of the type. */
static bool in_range(const char *range, double value, enum load_kind kind)
{
	const char *dots = range ? strstr(range, "..") : NULL;
	double bounds[2] = {-HUGE_VAL, HUGE_VAL};

	if (!dots)
		return true;
	for (int i = 0; i < 2; i++) {
		const char *text = i ? dots + 2 : range;
		size_t len = i ? strlen(text) : (size_t)(dots - range);
		cut_time ms;

		if (!len)
			continue;
		if (kind == LOAD_DURATION)
			bounds[i] =
				cut_duration_parse(text, len, &ms) == 0 ? (double)ms : bounds[i];
		else
			bounds[i] = strtod(text, NULL) / (kind == LOAD_PERCENT ? 100 : 1);
	}
	return value >= bounds[0] && value <= bounds[1];
}

/* "1..1000" as a person would say it. */
static const char *range_hint(struct load *l, const char *range)
{
	const char *dots = range ? strstr(range, "..") : NULL;

	if (!dots)
		return NULL;
	return dots[2] ? cut_arena_printf(&l->rb->arena, "it may be from %.*s to %s",
					  (int)(dots - range), range, dots + 2)
		       : cut_arena_printf(&l->rb->arena, "it must be at least %.*s",
					  (int)(dots - range), range);
}

static bool number_parse(const char *text, double *ret)
{
	char *end;

	if (!*text || strspn(text, "+-0123456789.eE") != strlen(text))
		return false;
	*ret = strtod(text, &end);
	return !*end && isfinite(*ret);
}

static bool percent_parse(const char *text, double *ret)
{
	size_t len = strlen(text);
	cut_auto(cut_str) char *digits = NULL;

	if (len < 2 || text[len - 1] != '%')
		return false;
	digits = cut_strndup(text, len - 1);
	if (!number_parse(digits, ret))
		return false;
	*ret /= 100;
	return true;
}

static int set_duration(struct load *l, const struct load_key *key, uint32_t node, const char *text,
			void *at)
{
	cut_time ms;
	double number;

	if (node == 0 && strcmp(text, "none") == 0) {
		*(cut_time *)at = CUT_NEVER;
		return 0;
	}
	if (cut_duration_parse(text, strlen(text), &ms) < 0) {
		load_fault(
			l, node,
			number_parse(text, &number)
				? cut_arena_printf(
					  &l->rb->arena,
					  "a bare number has no unit: %sms, %ss, %sm, %sh or %sd",
					  text, text, text, text, text)
				: "units are ms, s, m, h and d, combinable: 1h30m",
			"%s: '%s' is not a duration", key->name, text);
		return -EINVAL;
	}
	if (!in_range(key->range, (double)ms, LOAD_DURATION)) {
		load_fault(l, node, range_hint(l, key->range), "%s: %s is out of range", key->name,
			   text);
		return -EINVAL;
	}
	*(cut_time *)at = ms;
	return 0;
}

static int set_number(struct load *l, const struct load_key *key, uint32_t node, const char *text,
		      void *at)
{
	double value = 0;
	const char *wanted = key->kind == LOAD_UINT	 ? "a whole number"
			     : key->kind == LOAD_PERCENT ? "a percentage with its sign, such as 5%"
							 : "a number";

	/* a computed one is a share already, as all percentages are in expressions */
	bool share =
		key->kind == LOAD_PERCENT && node && load_has_template(cut_doc_str(l->doc, node));

	if (key->kind == LOAD_PERCENT && !(share && number_parse(text, &value))
		    ? !percent_parse(text, &value)
		    : !number_parse(text, &value) ||
			      (key->kind == LOAD_UINT && value != floor(value))) {
		load_fault(l, node, NULL, "%s: '%s' is not %s", key->name, text, wanted);
		return -EINVAL;
	}
	if (key->kind == LOAD_UINT && value > UINT_AT_MOST) {
		load_fault(l, node, "it may be up to 1000000000", "%s: %s is out of range",
			   key->name, text);
		return -EINVAL;
	}
	if ((key->kind == LOAD_UINT && value < 0) || !in_range(key->range, value, key->kind)) {
		load_fault(l, node, range_hint(l, key->range), "%s: %s is out of range", key->name,
			   text);
		return -EINVAL;
	}
	if (key->kind == LOAD_UINT)
		*(unsigned *)at = (unsigned)value;
	else
		*(double *)at = value;
	return 0;
}

bool load_id_valid(struct load *l, uint32_t node, const char *text)
{
	size_t len = 0;

	while ((text[len] >= 'a' && text[len] <= 'z') || text[len] == '_' ||
	       (text[len] >= '0' && text[len] <= '9'))
		len++;
	if (len > 0 && len <= 64 && !text[len] && text[0] >= 'a')
		return true;
	load_fault(l, node, "lower-case letters, digits and _, a letter first, up to 64 characters",
		   "'%s' is not an id", text);
	return false;
}

int load_word(struct load *l, uint32_t node, const char *range, unsigned *ret)
{
	const char *text = load_text(l, node);
	int index;

	if (!text)
		return -EINVAL;
	index = word_index(range, text, strlen(text));
	if (index < 0) {
		load_fault(l, node, words_hint(l, range, text),
			   "'%s' is none of the words known here", text);
		return -EINVAL;
	}
	*ret = (unsigned)index;
	return 0;
}

static int set_word(struct load *l, const struct load_key *key, uint32_t node, const char *text,
		    void *at)
{
	int index = word_index(key->range, text, strlen(text));

	if (index < 0) {
		load_fault(l, node, words_hint(l, key->range, text), "%s: '%s' is not known",
			   key->name, text);
		return -EINVAL;
	}
	if (key->kind == LOAD_CHOICE)
		*(const char **)at = text;
	else
		*(unsigned *)at = (unsigned)index;
	return 0;
}

static int set_bool(struct load *l, const struct load_key *key, uint32_t node, const char *text,
		    void *at)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		load_fault(l, node, "write true or false", "%s: '%s' is not true or false",
			   key->name, text);
		return -EINVAL;
	}
	*(bool *)at = text[0] == 't';
	return 0;
}

static int when_parse(struct load *l, uint32_t node, const char *text, struct cut_when *ret)
{
	static const struct {
		const char *name;
		unsigned base;
	} bases[] = {{"opens", CUT_WHEN_OPENS}, {"closes", CUT_WHEN_CLOSES}};

	for (size_t i = 0; i < CUT_ARRAY_LEN(bases); i++) {
		size_t len = strlen(bases[i].name);
		cut_time offset = 0;

		if (strncmp(text, bases[i].name, len) != 0)
			continue;
		if (text[len] &&
		    ((text[len] != '+' && text[len] != '-') ||
		     cut_duration_parse(text + len + 1, strlen(text + len + 1), &offset) < 0))
			break;
		*ret = (struct cut_when){.base = bases[i].base,
					 .at = text[len] == '-' ? -offset : offset};
		return 0;
	}
	if (cut_rfc3339_parse(text, strlen(text), &ret->at) == 0) {
		ret->base = CUT_WHEN_AT;
		return 0;
	}
	load_fault(l, node,
		   "write it as 2026-11-22T02:00:00+01:00, or relative to the window: opens-1h, "
		   "closes-30m",
		   "'%s' is not a time", text);
	return -EINVAL;
}

int load_when(struct load *l, uint32_t node, struct cut_when *ret)
{
	const char *text = load_text(l, node);

	return text ? when_parse(l, node, text, ret) : -EINVAL;
}

/* Each is the name of a file among the locks of the state directory. */
void load_locks(struct load *l, uint32_t node, const char *const *names, uint32_t len)
{
	enum { LOCK_NAME_MAX = 128 };

	for (uint32_t i = 0; i < len; i++) {
		size_t n = strlen(names[i]);

		if (n == 0 || n > LOCK_NAME_MAX || names[i][0] == '.' || strchr(names[i], '/') ||
		    strpbrk(names[i], "\n\r\t"))
			load_fault(l, node,
				   "letters, digits and the like, up to 128 bytes; no '/', and no "
				   "'.' to begin with",
				   "'%s' cannot name a lock", names[i]);
	}
}

void load_relative(struct load *l, uint32_t node, struct cut_when when,
		   const struct cut_window *window)
{
	if ((when.base == CUT_WHEN_OPENS && window->opens == 0) ||
	    (when.base == CUT_WHEN_CLOSES && window->closes == CUT_NEVER))
		load_fault(l, node, "give the runbook a window, or write the time out",
			   "this counts from a window that is not there");
}

int load_texts(struct load *l, uint32_t node, const char *const **ret, uint32_t *ret_len)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	uint32_t len = n->kind == CUT_NODE_LIST ? cut_doc_count(l->doc, node) : 1, i = 0;
	const char **texts;

	if (n->kind == CUT_NODE_NONE)
		return -EINVAL;
	if (n->kind == CUT_NODE_MAP) {
		load_fault(l, node, NULL, "a list of names is wanted here, not a map");
		return -EINVAL;
	}
	texts = cut_arena_array(&l->rb->arena, const char *, len + 1); /* NULL-terminated too */
	for (uint32_t at = n->kind == CUT_NODE_LIST ? n->child : node; at;
	     at = n->kind == CUT_NODE_LIST ? cut_doc_at(l->doc, at)->next : 0) {
		const char *text = load_text(l, at);

		if (text)
			texts[i++] = text;
	}
	*ret = texts;
	*ret_len = i;
	return 0;
}

int load_scalar(struct load *l, const struct load_key *key, uint32_t node, const char *text,
		void *at)
{
	switch ((enum load_kind)key->kind) {
	case LOAD_TEXT: *(const char **)at = text; return 0;
	case LOAD_ID:
		*(const char **)at = text;
		return node == 0 || load_id_valid(l, node, text) ? 0 : -EINVAL;
	case LOAD_BOOL: return set_bool(l, key, node, text, at);
	case LOAD_UINT:
	case LOAD_NUMBER:
	case LOAD_PERCENT: return set_number(l, key, node, text, at);
	case LOAD_DURATION: return set_duration(l, key, node, text, at);
	case LOAD_WORD:
	case LOAD_CHOICE: return set_word(l, key, node, text, at);
	case LOAD_WHEN: return when_parse(l, node, text, at);
	default: return -EINVAL; /* the other kinds are no scalars */
	}
}
