/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap with a total order. */
#include "engine/core/heap.h"

#include <assert.h>
#include <stdbool.h>

static bool before(const struct cut_heap_item *a, const struct cut_heap_item *b)
{
	if (a->key != b->key)
		return a->key < b->key;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->target < b->target;
}

static void swap(struct cut_heap *heap, size_t i, size_t j)
{
	struct cut_heap_item item = heap->items[i];

	heap->items[i] = heap->items[j];
	heap->items[j] = item;
}

void cut_heap_push(struct cut_heap *heap, struct cut_heap_item item)
{
	size_t i = heap->len;

	cut_vec_push(heap, item);
	while (i && before(&heap->items[i], &heap->items[(i - 1) / 2])) {
		swap(heap, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

struct cut_heap_item cut_heap_pop(struct cut_heap *heap)
{
	struct cut_heap_item top;
	size_t i = 0;

	assert(heap->len);
	top = heap->items[0];
	heap->items[0] = heap->items[--heap->len];
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		if (left < heap->len && before(&heap->items[left], &heap->items[least]))
			least = left;
		if (left + 1 < heap->len && before(&heap->items[left + 1], &heap->items[least]))
			least = left + 1;
		if (least == i)
			return top;
		swap(heap, i, least);
		i = least;
	}
}
