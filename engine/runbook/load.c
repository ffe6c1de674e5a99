/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a runbook to its model: reads the document, takes its parts in an order in which
 * each finds what it names, checks the whole, and hands out either a model or all faults. */
#include "engine/runbook/load.h"
#include "engine/runbook/yaml_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger files are read again for a caret, if they have faults. */
enum { KEEP_SOURCE_BYTES = 4 << 20 };

static void load_top(struct load *l)
{
	struct cut_runbook *rb = l->rb;
	const struct runbook_draft *top = &l->top;

	load_object(l, T_RUNBOOK, 1, &l->top);
	rb->name = top->name;
	rb->title = top->title;
	rb->description = top->description;
	rb->owner = top->owner;
	rb->ticket = top->ticket;
	rb->locks = top->locks;
	rb->locks_len = top->locks_len;
	rb->window.closes = CUT_NEVER;
	if (top->locks)
		load_locks(l, load_find(l, 1, "locks"), top->locks, top->locks_len);
}

static void load_all_defaults(struct load *l)
{
	l->retry = l->fallbacks[T_RETRY];
	l->defaults = *(struct defaults_draft *)l->fallbacks[T_DEFAULTS];
	if (l->top.defaults) {
		load_object(l, T_DEFAULTS, l->top.defaults, &l->defaults);
		l->retry = load_retry(l, l->defaults.retry);
	}
	((struct step_draft *)l->fallbacks[T_STEP])->on_failure = l->defaults.on_failure;
	l->rb->max_parallel = l->defaults.max_parallel;
}

/* The arrays that grew during the walk become the model's. */
static void publish(struct load *l)
{
	struct cut_runbook *rb = l->rb;

	rb->steps = l->steps.items;
	rb->steps_len = (uint32_t)l->steps.len;
	rb->groups = l->groups.items;
	rb->groups_len = (uint32_t)l->groups.len;
	rb->phases = l->phases.items;
	rb->phases_len = (uint32_t)l->phases.len;
}

static void *keep(struct load *l, const void *items, size_t len, size_t size)
{
	void *kept = cut_arena_alloc(&l->rb->arena, len * size + 1);

	if (len)
		memcpy(kept, items, len * size);
	return kept;
}

static void publish_rest(struct load *l)
{
	struct cut_runbook *rb = l->rb;

	rb->metrics = keep(l, l->metrics.items, l->metrics.len, sizeof(*rb->metrics));
	rb->metrics_len = (uint32_t)l->metrics.len;
	rb->triggers = keep(l, l->triggers.items, l->triggers.len, sizeof(*rb->triggers));
	rb->triggers_len = (uint32_t)l->triggers.len;
	rb->unsupported =
		keep(l, l->unsupported.items, l->unsupported.len, sizeof(*rb->unsupported));
	rb->unsupported_len = (uint32_t)l->unsupported.len;
}

/* How much of a text an expression takes that starts at offset. */
static unsigned expr_width(const struct load *l, uint32_t node, uint32_t offset)
{
	const char *text = cut_doc_str(l->doc, node) + offset, *end = strstr(text, "}}");
	size_t len = end && load_has_template(cut_doc_str(l->doc, node)) ? (size_t)(end - text)
									 : strcspn(text, "\n");

	while (len > 1 && text[len - 1] == ' ')
		len--;
	return (unsigned)len;
}

static void on_check_fault(void *data, uint32_t node, uint32_t offset, const char *key,
			   const char *hint, const char *what)
{
	struct load *l = data;
	uint32_t at = key ? load_find(l, node, key) : 0;

	if (key && !at) /* acceptance may stand at the top */
		at = load_find(l, 1, key);
	if (at)
		load_fault_key(l, at, hint, "%s", what);
	else if (cut_doc_at(l->doc, node)->kind == CUT_NODE_SCALAR)
		load_fault_at(l, node, offset, expr_width(l, node, offset), hint, "%s", what);
	else
		load_fault(l, node, hint, "%s", what);
}

static void check(struct load *l)
{
	cut_auto(cut_err) struct cut_err err = {0};
	uint32_t where = 0;

	if (l->too_many)
		return;
	if (cut_graph_new(l->rb, &l->rb->graph, &where, &err) < 0) {
		uint32_t at = where < l->step_nodes.len ? l->step_nodes.items[where] : 1;
		uint32_t needs = load_find(l, at, "needs");

		load_fault_key(l, needs ? needs : at,
			       cut_arena_printf(&l->rb->arena, "%s", err.next), "%s: %s", err.what,
			       err.why);
	}
	if (l->rb->graph)
		load_spans(l);
	cut_check_model(&(struct cut_check){.rb = l->rb,
					    .graph = l->rb->graph,
					    .uses = l->uses.items,
					    .uses_len = l->uses.len,
					    .step_nodes = l->step_nodes.items,
					    .phase_nodes = l->phase_nodes.items,
					    .tainted = l->tainted.items,
					    .fault = on_check_fault,
					    .data = l});
}

static void load_document(struct load *l)
{
	load_defaults(l);
	if (l->doc->len < 2) {
		cut_faults_add(l->faults, l->doc->file, (struct cut_mark){1, 1}, CUT_SEV_ERROR,
			       "a runbook starts with `cutover: v1`", "the file is empty");
		return;
	}
	if (!load_is(l, 1, CUT_NODE_MAP, "a runbook"))
		return;
	/* what the top itself says may use both */
	l->top.parameters = load_meant(l, T_RUNBOOK, 1, "parameters");
	load_parameters(l);
	l->top.environments = load_meant(l, T_RUNBOOK, 1, "environments");
	load_environments(l);
	load_top(l);
	load_secrets(l);
	load_connections(l);
	load_all_defaults(l);
	if (l->top.window)
		load_window(l, l->top.window, &l->rb->window);
	load_roles(l);
	load_authority(l);
	load_metrics(l);
	load_phases(l);
	load_side_phases(l);
	publish(l);
	load_names(l);
	load_triggers(l);
	load_downtimes(l);
	load_clients(l);
	load_notifies(l);
	load_inventory(l);
	publish_rest(l);
	load_warn_braces(l);
	check(l);
}

static int by_place(const void *a, const void *b)
{
	const struct cut_fault *x = a, *y = b;

	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	return x->mark.column < y->mark.column ? -1 : x->mark.column > y->mark.column;
}

static void sort_faults(struct cut_faults *faults)
{
	if (faults->len > 1)
		qsort(faults->items, faults->len, sizeof(*faults->items), by_place);
}

static void load_done(struct load *l)
{
	cut_map_done(&l->expr_index);
	cut_map_done(&l->metric_index);
	cut_vec_done(&l->exprs);
	cut_vec_done(&l->uses);
	cut_vec_done(&l->step_nodes);
	cut_vec_done(&l->phase_nodes);
	cut_vec_done(&l->tainted);
	cut_vec_done(&l->needs);
	cut_vec_done(&l->triggers);
	cut_vec_done(&l->metrics);
	cut_vec_done(&l->unsupported);
	cut_vec_done(&l->waits);
	cut_vec_done(&l->untils);
	cut_vec_done(&l->spans);
	cut_vec_done(&l->checks);
	free(l->id_nodes.items);
}

/* source: the file's text, whose owner may be asked to let go of it while the model is made. */
struct source {
	const char *path; /* to read it again, or NULL */
	const char *text;
	size_t len;
	char *owned; /* or NULL: the caller's */
};

static int read_file(const char *path, bool large, char **ret, size_t *ret_len,
		     struct cut_err *err);

static void want_source(struct source *source, struct cut_faults *faults, bool large)
{
	size_t len;
	char *again;

	if (faults->len == 0 || faults->source)
		return;
	if (source->text) {
		faults->source = cut_strndup(source->text, source->len);
		faults->source_len = source->len;
	} else if (source->path && read_file(source->path, large, &again, &len, NULL) == 0) {
		faults->source = again;
		faults->source_len = len;
	}
}

/* --- which plugins a file names --- */

static void note_plugin(json_t *list, const char *name, size_t len)
{
	cut_auto(cut_str) char *plugin = cut_strndup(name, len);
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (strcmp(json_string_value(item), plugin) == 0)
			return;
	json_array_append_new(list, json_string(plugin));
}

/* The built-in `core` stands behind every `run` and every plain `uses` but the engine's own check.
 */
static json_t *plugins_of(struct cut_doc *doc)
{
	uint32_t uses = cut_doc_text(doc, "uses", 4), plugin = cut_doc_text(doc, "plugin", 6);
	uint32_t run = cut_doc_text(doc, "run", 3), notify = cut_doc_text(doc, "notify", 6);
	uint32_t check = cut_doc_text(doc, "check", 5);
	json_t *list = json_array();
	bool core = false;

	for (uint32_t i = 1; i < doc->len; i++) {
		const struct cut_node *n = &doc->nodes[i];
		const char *text, *dot;

		core |= n->key == run || n->key == notify;
		if (n->kind != CUT_NODE_SCALAR || !n->text || (n->key != plugin && n->key != uses))
			continue;
		text = doc->texts[n->text];
		dot = strchr(text, '.');
		if (n->key == plugin)
			note_plugin(list, text, strlen(text));
		else if (dot)
			note_plugin(list, text, (size_t)(dot - text));
		else
			core |= n->text != check;
	}
	if (core)
		json_array_append_new(list, json_string("core"));
	return list;
}

static int load_plugins(struct cut_doc *doc, const struct cut_load_options *options,
			struct cut_err *err)
{
	cut_auto(cut_json) json_t *names = NULL;
	const json_t *name;
	size_t i;
	int r = 0;

	if (!options->need_plugin)
		return 0;
	names = plugins_of(doc);
	json_array_foreach (names, i, name) {
		r = options->need_plugin(options->need_data, json_string_value(name), err);
		if (r < 0 && r != -ENOENT) /* what is not there is told where it is named */
			return r;
		if (err)
			cut_err_done(err);
	}
	return 0;
}

static int load_source(struct source *source, const char *name, const char *folder,
		       const struct cut_load_options *options, struct cut_faults *faults,
		       struct cut_runbook **ret_rb, struct cut_err *err)
{
	cut_auto(cut_runbook) struct cut_runbook *rb = cut_new(struct cut_runbook);
	struct load l = {.rb = rb,
			 .faults = faults,
			 .catalog = options->catalog,
			 .options = options,
			 .text = source->text,
			 .text_len = source->len,
			 .step = CUT_NONE,
			 .group = CUT_NONE};
	int r = 0;

	rb->doc = l.doc = cut_doc_new(name);
	rb->catalog = options->catalog;
	rb->file = cut_arena_strndup(&rb->arena, name, strlen(name));
	rb->folder = cut_arena_strndup(&rb->arena, folder, strlen(folder));
	load_words(&l);
	cut_doc_reserve(l.doc, source->len);
	if (cut_yaml_read(l.doc, source->text, source->len, options->large, faults) == 0) {
		if (source->owned && source->len > KEEP_SOURCE_BYTES && faults->len == 0) {
			free(source->owned);
			source->owned = NULL;
			source->text = l.text = NULL;
			l.text_len = 0;
		}
		r = load_plugins(l.doc, options, err);
		if (r == 0) {
			load_document(&l);
			r = load_checks(&l, err);
		}
	}
	load_done(&l);
	if (r < 0)
		return r;
	sort_faults(faults);
	want_source(source, faults, options->large);
	if (faults->errors > 0)
		return -EINVAL;
	*ret_rb = cut_take(rb);
	return 0;
}

static int read_file(const char *path, bool large, char **ret, size_t *ret_len, struct cut_err *err)
{
	/* one byte more than allowed is enough to know that it is too large */
	size_t cap = (large ? CUT_YAML_LARGE_BYTES : CUT_YAML_MAX_BYTES) + 1, len = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;
	size_t room = 64 << 10;
	char *text;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot read runbook %s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		room = (size_t)st.st_size + 1;
	if (room > cap)
		room = cap;
	text = cut_large_array(room + 1, 1);
	for (;;) {
		ssize_t n = read(fd, text + len, room - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = cut_err_sys(err, -errno, NULL, "cannot read runbook %s", path);
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len == room && room == cap)
			break;
		if (len == room) {
			room = room * 2 > cap ? cap : room * 2;
			text = cut_realloc(text, room + 1);
		}
	}
	close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	text[len] = 0;
	*ret = text;
	*ret_len = len;
	return 0;
}

/* The absolute folder of a file, owned by the caller; that of a pipe, which is in none, is /. */
static int folder_of(const char *path, char **ret, struct cut_err *err)
{
	char *real = realpath(path, NULL);

	if (!real && errno != ENOENT)
		return cut_err_sys(err, -errno, NULL, "cannot tell in which folder %s lies", path);
	if (real)
		strrchr(real, '/')[strrchr(real, '/') == real] = 0;
	*ret = real ? real : cut_strdup("/");
	return 0;
}

int cut_runbook_load(const char *path, const struct cut_load_options *options,
		     struct cut_faults *faults, struct cut_runbook **ret_rb, struct cut_err *err)
{
	struct source source = {.path = path};
	cut_auto(cut_str) char *folder = NULL;
	int r;

	r = read_file(path, options->large, &source.owned, &source.len, err);
	if (r < 0)
		return r;
	source.text = source.owned;
	r = folder_of(path, &folder, err);
	if (r == 0)
		r = load_source(&source, path, folder, options, faults, ret_rb, err);
	free(source.owned);
	return r;
}

int cut_runbook_load_text(const char *text, size_t len, const char *name, const char *folder,
			  const struct cut_load_options *options, struct cut_faults *faults,
			  struct cut_runbook **ret_rb, struct cut_err *err)
{
	struct source source = {.text = text, .len = len};

	return load_source(&source, name, folder, options, faults, ret_rb, err);
}
