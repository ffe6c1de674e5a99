/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters from a file (--params): one map of names, YAML or JSON. Its plain values stay text, as
 * those of --set do, and are typed where the runbook declares them. */
#include "engine/runbook/runbook.h"

#include "engine/core/value.h"
#include "engine/runbook/yaml_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Depth is bounded by cut_yaml_read. */
static json_t *node_json(const struct cut_doc *doc, uint32_t node)
{
	const struct cut_node *n = cut_doc_at(doc, node);
	json_t *json;

	if (n->kind == CUT_NODE_SCALAR)
		return cut_value_untyped(doc->texts[n->text], doc->text_lens[n->text], n->quoted);
	if (n->kind == CUT_NODE_NONE)
		return json_null();
	json = n->kind == CUT_NODE_LIST ? json_array() : json_object();
	for (uint32_t at = n->child; at; at = cut_doc_at(doc, at)->next) {
		if (n->kind == CUT_NODE_LIST)
			json_array_append_new(json, node_json(doc, at));
		else
			json_object_set_new(json, cut_doc_key(doc, at), node_json(doc, at));
	}
	return json;
}

static json_t *parameter_json(const struct cut_doc *doc, uint32_t node)
{
	const struct cut_node *n = cut_doc_at(doc, node);

	return n->kind == CUT_NODE_SCALAR
		       ? json_stringn(doc->texts[n->text], doc->text_lens[n->text])
		       : node_json(doc, node);
}

static int read_text(const char *path, struct cut_buf *out, struct cut_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	ssize_t n = 1;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot read parameters %s", path);
	while (n > 0) {
		char *at = cut_buf_reserve(out, 65536);

		n = at ? read(fd, at, 65536) : 0;
		if (n > 0)
			out->len += (size_t)n;
		else if (n < 0)
			r = -errno;
	}
	close(fd);
	if (out->error)
		return cut_err_set(err, -EINVAL, "it is larger than 4 MiB", NULL, "parameters %s",
				   path);
	return r < 0 ? cut_err_sys(err, r, NULL, "cannot read parameters %s", path) : 0;
}

int cut_params_read(const char *path, struct cut_faults *faults, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_doc) struct cut_doc *doc = cut_doc_new(path);
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = CUT_YAML_MAX_BYTES + 65536};
	int r = read_text(path, &text, err);

	if (r < 0)
		return r;
	if (cut_yaml_read(doc, cut_buf_str(&text), text.len, false, faults) < 0 ||
	    faults->errors > 0) {
		faults->source = cut_strndup(cut_buf_str(&text), text.len);
		faults->source_len = text.len;
		return -EINVAL;
	}
	if (doc->len > 1 && cut_doc_at(doc, 1)->kind != CUT_NODE_MAP) {
		cut_faults_add(faults, path, (struct cut_mark){1, 1}, CUT_SEV_ERROR,
			       "write one `name: value` a line", "the parameters must be a map");
		return -EINVAL;
	}
	*ret = json_object();
	for (uint32_t at = doc->len > 1 ? cut_doc_at(doc, 1)->child : 0; at;
	     at = cut_doc_at(doc, at)->next)
		json_object_set_new(*ret, cut_doc_key(doc, at), parameter_json(doc, at));
	return 0;
}
