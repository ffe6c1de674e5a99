/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that cannot fail and cleanup by scope. Used by everything: running out of memory ends the
 * process, because the journal makes a crash a resume. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define cut_new(type)			 ((type *)cut_calloc(1, sizeof(type)))
#define cut_new_array(type, n)		 ((type *)cut_calloc((n), sizeof(type)))
#define cut_container(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define CUT_ARRAY_LEN(a)		 (sizeof(a) / sizeof((a)[0]))

/* All of these end the process when memory is out or n * size overflows; the result is never NULL.
 * Libraries that take an allocator get these as well: cut_json_use_alloc() and its like. */
void *cut_calloc(size_t n, size_t size);
void *cut_malloc(size_t size);
void *cut_realloc(void *p, size_t size);
void *cut_realloc_array(void *p, size_t n, size_t size);
/* For an array that will be large, its contents undefined: where the kernel has huge pages, it
 * comes in steps of 2 MiB instead of 4 KiB, which are what filling it costs otherwise. Room that is
 * never touched is free. For free() and cut_realloc_array(), as any other. */
void *cut_large_array(size_t n, size_t size);
char *cut_strdup(const char *s);	      /* NULL stays NULL */
char *cut_strndup(const char *s, size_t len); /* always NUL-terminated */
char *cut_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

_Noreturn void cut_out_of_memory(void); /* for libraries that only report it */

/* Cleanup at the end of the scope: `cut_auto(cut_buf) struct cut_buf buf = {0};` calls
 * cut_buf_cleanup(&buf). A type takes part with one CUT_CLEANUP line in its header. */
#define cut_auto(name) __attribute__((cleanup(name##_cleanup)))
#define CUT_CLEANUP(name, type, free_fn)                                                           \
	static inline void name##_cleanup(type *p)                                                 \
	{                                                                                          \
		if (*p)                                                                            \
			free_fn(*p);                                                               \
	}
/* Hands over ownership out of a cut_auto variable: `*ret = cut_take(rb);` */
#define cut_take(p)                                                                                \
	({                                                                                         \
		__typeof__(p) cut_taken_ = (p);                                                    \
		(p) = NULL;                                                                        \
		cut_taken_;                                                                        \
	})

static inline void cut_free_ptr(void *p)
{
	free(p);
}

CUT_CLEANUP(cut_str, char *, cut_free_ptr) /* cut_auto(cut_str) char *s = NULL; */

/* A bump allocator: many small things that live and die together (a document, a model).
 * init with {0}; nothing is freed one by one. */
struct cut_arena {
	struct cut_arena_block *head; /* owned */
	size_t used_bytes, total_bytes;
};

void *cut_arena_alloc(struct cut_arena *arena, size_t size); /* zeroed, aligned to 8 */
char *cut_arena_strndup(struct cut_arena *arena, const char *s, size_t len);
char *cut_arena_printf(struct cut_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void cut_arena_done(struct cut_arena *arena);
#define cut_arena_new(arena, type)	((type *)cut_arena_alloc((arena), sizeof(type)))
#define cut_arena_array(arena, type, n) ((type *)cut_arena_alloc((arena), sizeof(type) * (n)))
