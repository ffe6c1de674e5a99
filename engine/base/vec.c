/* SPDX-License-Identifier: Apache-2.0 */
/* The growing array's memory. */
#include "engine/base/vec.h"

void *cut_vec_grow_(void *items, size_t *cap, size_t need, size_t size)
{
	size_t grown = *cap < 4 ? 4 : *cap * 2;

	if (grown < need)
		grown = need;
	items = cut_realloc_array(items, grown, size);
	*cap = grown;
	return items;
}
