/* SPDX-License-Identifier: Apache-2.0 */
/* Where in the file a fault is, and how it is told. Called by every file of the loader. */
#include "engine/runbook/load.h"

#include <stdarg.h>
#include <string.h>

enum { NEAR_AT_MOST = 20 };

struct cut_mark load_mark(const struct load *l, uint32_t node)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);

	return (struct cut_mark){n->line, n->column};
}

/* The same place again, in another instance of a foreach, is the same mistake. */
static bool is_told(const struct load *l, struct cut_mark mark)
{
	if (!l->repeated)
		return false;
	for (size_t i = l->faults->len; i-- > 0;)
		if (l->faults->items[i].mark.line == mark.line &&
		    l->faults->items[i].mark.column == mark.column)
			return true;
	return false;
}

__attribute__((format(printf, 6, 0))) static void add(struct load *l, struct cut_mark mark,
						      unsigned width, enum cut_severity severity,
						      const char *hint, const char *fmt, va_list ap)
{
	struct cut_buf what = {.max_bytes = 4096};
	size_t before = l->faults->len;

	if (is_told(l, mark))
		return;
	cut_buf_vprintf(&what, fmt, ap);
	cut_faults_add(l->faults, l->doc->file, mark, severity, hint, "%s", cut_buf_str(&what));
	if (l->faults->len > before)
		l->faults->items[before].width = width ? width : 1;
	cut_buf_done(&what);
}

static unsigned width_of(const struct load *l, uint32_t node)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);

	if (n->kind != CUT_NODE_SCALAR ||
	    memchr(l->doc->texts[n->text], '\n', l->doc->text_lens[n->text]))
		return 1;
	return l->doc->text_lens[n->text] + (n->quoted ? 2 : 0);
}

void load_fault(struct load *l, uint32_t node, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, load_mark(l, node), width_of(l, node), CUT_SEV_ERROR, hint, fmt, ap);
	va_end(ap);
}

void load_warn(struct load *l, uint32_t node, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(l, load_mark(l, node), width_of(l, node), CUT_SEV_WARNING, hint, fmt, ap);
	va_end(ap);
}

void load_fault_key(struct load *l, uint32_t node, const char *hint, const char *fmt, ...)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	struct cut_mark mark = load_mark(l, node);
	unsigned width = 1;
	va_list ap;

	if (n->key_line) {
		mark = (struct cut_mark){n->key_line, n->key_column};
		width = l->doc->text_lens[n->key];
	}
	va_start(ap, fmt);
	add(l, mark, width, CUT_SEV_ERROR, hint, fmt, ap);
	va_end(ap);
}

/* Does the file really hold the text from `offset` on at this place? Escapes and folding shift it.
 */
static bool is_verbatim(const struct load *l, struct cut_mark mark, const char *text, size_t len)
{
	const char *at = l->text, *end = at ? at + l->text_len : NULL;

	if (!at)
		return false;
	for (uint32_t line = 1; line < mark.line; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return false;
		at++;
	}
	for (unsigned column = 1; column < mark.column && at < end; column++)
		do
			at++;
		while (at < end && ((unsigned char)*at & 0xc0) == 0x80);
	return (size_t)(end - at) >= len && memcmp(at, text, len) == 0;
}

void load_fault_at(struct load *l, uint32_t node, size_t offset, unsigned width, const char *hint,
		   const char *fmt, ...)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	const char *text = l->doc->texts[n->text];
	size_t len = l->doc->text_lens[n->text], column = n->column + (n->quoted ? 1u : 0u);
	struct cut_mark mark = load_mark(l, node);
	va_list ap;

	if (offset > len)
		offset = len;
	for (size_t i = 0; i < offset; i++)
		column += ((unsigned char)text[i] & 0xc0) != 0x80;
	if (column < UINT16_MAX && is_verbatim(l, (struct cut_mark){n->line, (uint16_t)column},
					       text + offset, len - offset))
		mark.column = (uint16_t)column;
	va_start(ap, fmt);
	add(l, mark, width, CUT_SEV_ERROR, hint, fmt, ap);
	va_end(ap);
}

bool load_seeks_near(struct load *l)
{
	return l->nears++ < NEAR_AT_MOST;
}

const char *load_did_you_mean(struct load *l, const struct cut_near *near)
{
	if (!near->best)
		return NULL;
	return cut_arena_printf(&l->rb->arena, "did you mean '%s'?", near->best);
}

const char *load_kind_name(const struct load *l, uint32_t node)
{
	static const char *const names[] = {"nothing", "a single value", "a list", "a map"};
	const struct cut_node *n = cut_doc_at(l->doc, node);

	if (n->kind == CUT_NODE_SCALAR && n->text == 0 && !n->quoted)
		return "nothing";
	return names[n->kind];
}

void load_unsupported(struct load *l, uint32_t node, const char *what)
{
	const struct cut_node *n = cut_doc_at(l->doc, node);
	struct cut_unsupported u = {.what = what, .mark = load_mark(l, node)};

	if (n->key_line)
		u.mark = (struct cut_mark){n->key_line, n->key_column};
	for (size_t i = 0; l->repeated && i < l->unsupported.len; i++)
		if (l->unsupported.items[i].mark.line == u.mark.line &&
		    l->unsupported.items[i].mark.column == u.mark.column)
			return;
	cut_vec_push(&l->unsupported, u);
}
