/* SPDX-License-Identifier: Apache-2.0 */
/* From libyaml's events to a document: one pass, no tree of its own, every construct that the
 * language leaves out refused where it stands. The only file that uses libyaml. */
#include "engine/runbook/yaml_read.h"
#include "engine/base/utf8.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

struct level {
	uint32_t node, last; /* the open list or map, and its newest child */
	bool map, have_key;
	bool skip_value; /* of a key that was refused */
	uint32_t key, key_line;
	uint16_t key_column;
};

struct reader {
	struct cut_doc *doc;
	struct cut_faults *faults;
	const char *text;
	size_t len;
	struct level levels[CUT_YAML_MAX_DEPTH + 1];
	unsigned depth;
	unsigned skipping; /* containers open inside a part that was refused */
	unsigned documents;
	struct cut_by_text key_seen; /* the map in which the key was met last */
	bool long_key; /* one was refused: what libyaml then stumbles over is no second mistake */
	struct cut_mark text_start, text_end; /* of the newest text over several lines */
	bool text_quoted;
	bool stop;
};

static struct cut_mark mark_of(const yaml_mark_t *mark)
{
	return (struct cut_mark){
		.line = (uint32_t)mark->line + 1,
		.column = mark->column < UINT16_MAX ? (uint16_t)(mark->column + 1) : UINT16_MAX,
	};
}

static void fault_at(struct reader *r, struct cut_mark mark, unsigned width, const char *what,
		     const char *hint)
{
	cut_faults_add(r->faults, r->doc->file, mark, CUT_SEV_ERROR, hint, "%s", what);
	if (r->faults->len > 0 && width > 1)
		r->faults->items[r->faults->len - 1].width = width;
}

static void refuse_properties(struct reader *r, const yaml_event_t *ev, const yaml_char_t *anchor,
			      const yaml_char_t *tag)
{
	struct cut_mark mark = mark_of(&ev->start_mark);

	if (anchor)
		fault_at(r, mark, (unsigned)strlen((const char *)anchor) + 1,
			 "anchors (&name) are not part of the language",
			 "write the value out; `foreach` repeats steps, `parameters` hold shared "
			 "values");
	if (tag && strcmp((const char *)tag, "!") != 0)
		fault_at(r, mark, 1, "tags (!name) are not part of the language",
			 "take the tag away; quote a text that must stay a text");
}

/* A new child of the innermost open container takes over its place in the file. */
static void attach(struct reader *r, uint32_t node, const yaml_event_t *ev)
{
	struct level *top = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;
	struct cut_node *n = &r->doc->nodes[node];
	struct cut_mark mark = mark_of(&ev->start_mark);

	n->line = mark.line;
	n->column = mark.column;
	if (!top)
		return;
	if (top->map) {
		n->key = top->key;
		n->key_line = top->key_line;
		n->key_column = top->key_column;
		top->have_key = false;
	}
	if (top->last)
		r->doc->nodes[top->last].next = node;
	else
		r->doc->nodes[top->node].child = node;
	top->last = node;
}

/* True when what comes now is the value of a refused key (and so is left out). */
static bool is_skipped(struct reader *r)
{
	struct level *top = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;

	if (!top || !top->map || !top->have_key || !top->skip_value)
		return false;
	top->have_key = top->skip_value = false;
	return true;
}

static bool wants_key(const struct reader *r)
{
	return r->depth > 0 && r->levels[r->depth - 1].map && !r->levels[r->depth - 1].have_key;
}

static void on_key(struct reader *r, const yaml_event_t *ev)
{
	struct level *top = &r->levels[r->depth - 1];
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct cut_mark mark = mark_of(&ev->start_mark);

	top->have_key = true;
	top->key_line = mark.line;
	top->key_column = mark.column;
	if (len == 2 && memcmp(text, "<<", 2) == 0 &&
	    ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		fault_at(r, mark, 2, "merge keys (<<) are not part of the language",
			 "write the keys out");
		top->skip_value = true;
	} else if (memchr(text, 0, len)) {
		fault_at(r, mark, 1, "a key may not contain a NUL character", NULL);
		top->skip_value = true;
	} else if (len > 1024) {
		fault_at(r, mark, 1, "a key is longer than 1024 bytes",
			 "shorten it, or put the long text into a value");
		top->skip_value = r->long_key = true;
	} else {
		top->key = cut_doc_name(r->doc, text, len);
	}
}

static void on_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	uint32_t node;

	if (ev->end_mark.line > ev->start_mark.line) {
		r->text_start = mark_of(&ev->start_mark);
		r->text_end = mark_of(&ev->end_mark);
		r->text_quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	}
	if (r->skipping)
		return;
	if (ev->data.scalar.anchor || ev->data.scalar.tag)
		refuse_properties(r, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (wants_key(r)) {
		on_key(r, ev);
		return;
	}
	if (is_skipped(r))
		return;
	if (memchr(text, 0, len)) {
		fault_at(r, mark_of(&ev->start_mark), 1, "a text may not contain a NUL character",
			 NULL);
		len = strlen(text);
	}
	node = cut_doc_node(r->doc, CUT_NODE_SCALAR);
	r->doc->nodes[node].text = cut_doc_text(r->doc, text, len);
	r->doc->nodes[node].quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	attach(r, node, ev);
}

static void on_open(struct reader *r, const yaml_event_t *ev, bool map)
{
	uint32_t node;

	if (r->skipping) {
		if (++r->skipping + r->depth > CUT_YAML_MAX_DEPTH)
			r->stop = true;
		return;
	}
	if (map)
		refuse_properties(r, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	else
		refuse_properties(r, ev, ev->data.sequence_start.anchor,
				  ev->data.sequence_start.tag);
	if (wants_key(r)) {
		fault_at(r, mark_of(&ev->start_mark), 1, "a key must be a plain text",
			 "quote ${{ }} where it stands inside { } or [ ]");
		r->levels[r->depth - 1].have_key = r->levels[r->depth - 1].skip_value = true;
		r->skipping = 1;
		return;
	}
	if (is_skipped(r)) {
		r->skipping = 1;
		return;
	}
	if (r->depth == CUT_YAML_MAX_DEPTH) {
		fault_at(r, mark_of(&ev->start_mark), 1, "nested deeper than 64 levels",
			 "no runbook needs that depth: look for brackets that are never closed");
		r->stop = true;
		return;
	}
	node = cut_doc_node(r->doc, map ? CUT_NODE_MAP : CUT_NODE_LIST);
	attach(r, node, ev);
	r->levels[r->depth++] = (struct level){.node = node, .map = map};
}

/* Keys are interned, so a key was met in this map when its text is stamped with it; done when the
 * map ends, because maps inside it stamp too. A second one of the same name is taken out. */
static void refuse_duplicates(struct reader *r, uint32_t map)
{
	struct cut_doc *doc = r->doc;
	uint32_t previous = 0;

	for (uint32_t n = doc->nodes[map].child; n; n = doc->nodes[n].next) {
		struct cut_node *node = &doc->nodes[n];
		uint32_t *seen = cut_by_text_at(&r->key_seen, doc, node->key);

		if (*seen != map) {
			*seen = map;
			previous = n;
			continue;
		}
		for (uint32_t first = doc->nodes[map].child; first != n;
		     first = doc->nodes[first].next)
			if (doc->nodes[first].key == node->key) {
				cut_faults_add(r->faults, doc->file,
					       (struct cut_mark){node->key_line, node->key_column},
					       CUT_SEV_ERROR, "keep one of the two",
					       "key '%s' was given already on line %u",
					       cut_doc_key(doc, n), doc->nodes[first].key_line);
				r->faults->items[r->faults->len - 1].width =
					doc->text_lens[node->key];
				break;
			}
		doc->nodes[previous].next = node->next;
		if (r->faults->len >= CUT_FAULTS_MAX)
			return;
	}
}

static void on_close(struct reader *r)
{
	if (r->skipping) {
		r->skipping--;
		return;
	}
	r->depth--;
	if (r->levels[r->depth].map)
		refuse_duplicates(r, r->levels[r->depth].node);
}

static void on_alias(struct reader *r, const yaml_event_t *ev)
{
	uint32_t node;

	if (r->skipping)
		return;
	fault_at(r, mark_of(&ev->start_mark),
		 (unsigned)strlen((const char *)ev->data.alias.anchor) + 1,
		 "aliases (*name) are not part of the language",
		 "write the value out, or put it into `parameters`; quote a text that starts with "
		 "*");
	if (wants_key(r)) {
		r->levels[r->depth - 1].have_key = r->levels[r->depth - 1].skip_value = true;
		return;
	}
	if (is_skipped(r))
		return;
	node = cut_doc_node(r->doc, CUT_NODE_NONE);
	attach(r, node, ev);
}

static void on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents == 2) {
			fault_at(r, mark_of(&ev->start_mark), 3, "a second document starts here",
				 "a runbook is one document: keep one file for each");
			r->stop = true;
		}
		break;
	case YAML_SCALAR_EVENT: on_scalar(r, ev); break;
	case YAML_ALIAS_EVENT: on_alias(r, ev); break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT: on_open(r, ev, ev->type == YAML_MAPPING_START_EVENT); break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: on_close(r); break;
	default: break;
	}
}

/* What libyaml says, and what to do about it. */
static const struct {
	const char *problem, *what, *hint;
} readings[] = {
	{"cannot start any token", NULL, "quote a text that starts with @, ` or %"},
	{"mapping values are not allowed", "a ':' is not expected here",
	 "quote a text that contains ': ', and indent keys of one map alike"},
	{"did not find expected ',' or ']'",
	 "a list [ … ] is not closed, or a ',' is missing in it", NULL},
	{"did not find expected ',' or '}'", "a map { … } is not closed, or a ',' is missing in it",
	 NULL},
	{"did not find expected key", "this line does not fit the indentation of those above it",
	 "indent keys of one map alike, and items of one list"},
	{"did not find expected '-' indicator",
	 "this line does not fit the indentation of those above it",
	 "indent keys of one map alike, and items of one list"},
	{"could not find expected ':'", "a key without ':'",
	 "write `key: value`; quote texts over several lines"},
	{"found unexpected end of stream", "a quoted text is not closed", NULL},
	{"found unknown escape character", "an unknown escape in a \"…\" text",
	 "double the backslash, or use '…' quotes, in which it has no meaning"},
	{"found undefined tag handle", "tags (!name) are not part of the language",
	 "quote a text that starts with !"},
	{"did not find expected alphabetic or numeric character",
	 "aliases and anchors are not part of the language",
	 "quote a text that starts with * or &"},
	{"found a tab character", "a tab indents this line", "indent with spaces"},
	{"found unexpected ':'", "a ':' that no space follows",
	 "write `key: value`; quote a text that has a ':' in it"},
	{"did not find expected <document start>", "the file goes on after its end",
	 "a runbook is one map: its keys begin in the first column"},
	{"block sequence entries are not allowed", "a '-' is not expected here",
	 "start the list on a line of its own"},
};

/* The byte at a mark, whose column counts characters. */
static char char_at(const struct reader *r, size_t line, size_t column)
{
	size_t at = 0;

	for (; at < r->len && line > 0; at++)
		line -= r->text[at] == '\n';
	for (; at < r->len && column > 0; column--)
		do
			at++;
		while (at < r->len && ((unsigned char)r->text[at] & 0xc0) == 0x80);
	return at < r->len ? r->text[at] : 0;
}

/* Does nothing but blanks stand before it in its line? */
static bool is_first(const struct reader *r, size_t line, size_t column)
{
	while (column > 0)
		if (!strchr(" -", char_at(r, line, --column)))
			return false;
	return true;
}

/* One looks like a space and is none: pages that a runbook is copied from have them. Looked for in
 * the line that cannot be read and the one before. */
static bool on_no_break_space(struct reader *r, size_t line)
{
	size_t first = line > 0 ? line - 1 : 0;
	struct cut_mark mark = {.line = 1, .column = 1};

	for (size_t i = 0; i < r->len && mark.line <= line + 1; i++) {
		if (mark.line > first && r->len - i > 1 &&
		    memcmp(r->text + i, "\xc2\xa0", 2) == 0) {
			fault_at(r, mark, 1, "a no-break space (U+00A0) stands here",
				 "write an ordinary one");
			return true;
		}
		if (r->text[i] == '\n')
			mark = (struct cut_mark){mark.line + 1, 1};
		else if (((unsigned char)r->text[i] & 0xc0) != 0x80 && mark.column < UINT16_MAX)
			mark.column++;
	}
	return false;
}

static void on_surrogates(struct reader *r, const yaml_mark_t *mark)
{
	fault_at(r, mark_of(mark), 1, "surrogate pairs (\\ud83d\\ude00) cannot be read",
		 "write the character itself in UTF-8, or as \\U0001F600");
}

static void on_reader_error(struct reader *r, const yaml_parser_t *p)
{
	bool control = p->problem && strstr(p->problem, "control characters");
	size_t end = control ? p->problem_offset : 0, n;
	struct cut_mark mark = {.line = 1, .column = 1};

	while (!control && end < r->len && (n = cut_utf8_step(r->text + end, r->len - end)) > 0)
		end += n;
	for (size_t i = 0; i < end && i < r->len; i++) {
		if (r->text[i] == '\n') {
			mark.line++;
			mark.column = 1;
		} else if (((unsigned char)r->text[i] & 0xc0) != 0x80 && mark.column < UINT16_MAX) {
			mark.column++;
		}
	}
	if (control)
		cut_faults_add(r->faults, r->doc->file, mark, CUT_SEV_ERROR,
			       "take it out, or write it as an escape in a \"…\" text",
			       "control character U+%04X is not allowed",
			       (unsigned)p->problem_value);
	else
		cut_faults_add(r->faults, r->doc->file, mark, CUT_SEV_ERROR,
			       "save the file as UTF-8", "not valid UTF-8: byte 0x%02x",
			       end < r->len ? (unsigned char)r->text[end]
					    : (unsigned)p->problem_value);
}

static void on_error(struct reader *r, const yaml_parser_t *p)
{
	const char *problem = p->problem ? p->problem : "cannot be read";
	struct cut_mark mark = mark_of(&p->problem_mark);

	if (p->error == YAML_READER_ERROR) {
		on_reader_error(r, p);
		return;
	}
	if (strstr(problem, "invalid Unicode character escape")) {
		on_surrogates(r, &p->problem_mark);
		return;
	}
	if (r->long_key)
		return;
	if (on_no_break_space(r, p->problem_mark.line))
		return;
	if (r->text_end.line == mark.line) {
		fault_at(r, r->text_start, 1,
			 r->text_quoted ? "the text that starts here ends lines later, in the "
					  "middle of another"
					: "the text that starts here goes on over lines",
			 r->text_quoted ? "close its quote where it ends"
					: "a ',' or bracket is missing behind it, or the space "
					  "after a ':'");
		return;
	}
	if ((strstr(problem, "did not find expected key") ||
	     strstr(problem, "did not find expected '-' indicator")) &&
	    !is_first(r, p->problem_mark.line, p->problem_mark.column)) {
		fault_at(r, mark, 1, "the value ends before this",
			 "quote a text as a whole ('…' doubles the quotes in it); brackets close "
			 "as often as they open");
		return;
	}
	if (strstr(problem, "could not find expected ':'"))
		mark = mark_of(&p->context_mark);
	if (strstr(problem, "cannot start any token") &&
	    char_at(r, p->problem_mark.line, p->problem_mark.column) == '\t') {
		fault_at(r, mark, 1, "a tab indents this line", "indent with spaces");
		return;
	}
	if (p->error == YAML_PARSER_ERROR && p->problem_mark.column > 0 &&
	    char_at(r, p->problem_mark.line, p->problem_mark.column) == '{' &&
	    char_at(r, p->problem_mark.line, p->problem_mark.column - 1) == '$') {
		mark.column--;
		fault_at(r, mark, 1, "${{ }} stands unquoted inside { } or [ ]",
			 "quote it: \"${{ … }}\"");
		return;
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(readings); i++)
		if (strstr(problem, readings[i].problem)) {
			fault_at(r, mark, 1, readings[i].what ? readings[i].what : problem,
				 readings[i].hint);
			return;
		}
	fault_at(r, mark, 1, problem, NULL);
}

static bool is_too_large(struct reader *r, bool large)
{
	struct cut_mark start = {.line = 1, .column = 1};

	if (r->len > (large ? CUT_YAML_LARGE_BYTES : CUT_YAML_MAX_BYTES)) {
		fault_at(r, start, 1, large ? "the file is over 64 MiB" : "the file is over 4 MiB",
			 large ? "split the work into several runbooks"
			       : "for a generated runbook add --large (up to 64 MiB)");
		return true;
	}
	return false;
}

int cut_yaml_read(struct cut_doc *doc, const char *text, size_t len, bool large,
		  struct cut_faults *faults)
{
	/* some editors begin a file with a byte order mark, which says nothing in UTF-8 */
	size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct reader r = {.doc = doc, .faults = faults, .text = text + mark, .len = len - mark};
	yaml_parser_t parser;
	yaml_event_t events[2] = {0}; /* the newest one, and the one before it */
	unsigned newest = 0;
	bool ended = false, failed = false;

	if (is_too_large(&r, large))
		return -EINVAL;
	if (!yaml_parser_initialize(&parser))
		cut_out_of_memory();
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)r.text, r.len);
	/* one event is handled when the next is known: its text's slot has come from memory then */
	while (!ended && !failed && !r.stop) {
		newest ^= 1;
		failed = !yaml_parser_parse(&parser, &events[newest]);
		if (failed && parser.error == YAML_MEMORY_ERROR)
			cut_out_of_memory();
		ended = events[newest].type == YAML_STREAM_END_EVENT;
		if (events[newest].type == YAML_SCALAR_EVENT)
			cut_doc_expect(doc, (const char *)events[newest].data.scalar.value,
				       events[newest].data.scalar.length);
		on_event(&r, &events[newest ^ 1]);
		yaml_event_delete(&events[newest ^ 1]);
	}
	if (failed && !r.stop)
		on_error(&r, &parser);
	yaml_event_delete(&events[newest]);
	yaml_parser_delete(&parser);
	free(r.key_seen.items);
	return failed || r.stop ? -EINVAL : 0;
}
