/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of any type, by macro. Used for lists whose length input decides. */
#pragma once

#include "engine/base/alloc.h"

#include <string.h>

/* `struct { CUT_VEC(struct cut_step *); } steps;` or a named struct; {0} is empty. */
#define CUT_VEC(type)                                                                              \
	type *items;                                                                               \
	size_t len, cap

#define cut_vec_push(vec, ...)                                                                     \
	do {                                                                                       \
		cut_vec_reserve((vec), 1);                                                         \
		(vec)->items[(vec)->len++] = (__VA_ARGS__);                                        \
	} while (0)
/* Room for n more items. */
#define cut_vec_reserve(vec, n)                                                                    \
	((vec)->len + (n) > (vec)->cap                                                             \
		 ? ((vec)->items = cut_vec_grow_((vec)->items, &(vec)->cap, (vec)->len + (n),      \
						 sizeof(*(vec)->items)))                           \
		 : (void *)0)
#define cut_vec_pop(vec)   ((vec)->items[--(vec)->len])
#define cut_vec_last(vec)  ((vec)->items[(vec)->len - 1])
#define cut_vec_clear(vec) ((void)((vec)->len = 0))
#define cut_vec_remove(vec, i)                                                                     \
	(memmove(&(vec)->items[(i)], &(vec)->items[(i) + 1],                                       \
		 ((vec)->len - (i)-1) * sizeof(*(vec)->items)),                                    \
	 (vec)->len--)
/* `cut_vec_foreach(&v, item)`: item is a pointer to each element. */
#define cut_vec_foreach(vec, item)                                                                 \
	for (__auto_type item = (vec)->items; item && item < (vec)->items + (vec)->len; item++)
#define cut_vec_done(vec)                                                                          \
	do {                                                                                       \
		free((vec)->items);                                                                \
		(vec)->items = NULL;                                                               \
		(vec)->len = (vec)->cap = 0;                                                       \
	} while (0)

void *cut_vec_grow_(void *items, size_t *cap, size_t need, size_t size);
