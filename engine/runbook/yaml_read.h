/* SPDX-License-Identifier: Apache-2.0 */
/* YAML or JSON text into a document that knows where each part was written. Called by the loader;
 * the only file that knows libyaml is yaml.c. */
#pragma once

#include "engine/base/doc.h"
#include "engine/runbook/runbook.h"

#define CUT_YAML_MAX_BYTES   (4u << 20)
#define CUT_YAML_LARGE_BYTES (64u << 20) /* with --large */
#define CUT_YAML_MAX_DEPTH   64

/* Fills an empty document (words may be interned already). 0: the tree is whole, though faults may
 * have been added: what an alias, a second key of the same name or a merge key stood for is a node
 * of kind NONE, or left out, and needs no second message. An empty file leaves the document empty.
 * -EINVAL: not readable to its end. */
int cut_yaml_read(struct cut_doc *doc, const char *text, size_t len, bool large,
		  struct cut_faults *faults);
