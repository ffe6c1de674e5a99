/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap with a total order, so that equal keys always come out in the same order. Used by
 * the run for its timers and for the steps that are ready. */
#pragma once

#include "engine/base/vec.h"

struct cut_heap_item {
	int64_t key;
	uint32_t kind, target; /* the owner's own; decide between equal keys */
};

struct cut_heap { /* {0} is empty */
	CUT_VEC(struct cut_heap_item);
};

void cut_heap_push(struct cut_heap *heap, struct cut_heap_item item);
struct cut_heap_item cut_heap_pop(struct cut_heap *heap); /* the least; heap->len must not be 0 */
