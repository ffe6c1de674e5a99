/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that cannot fail, and the arena. */
#include "engine/base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ARENA_FIRST_BYTES = 256, ARENA_LARGEST_BYTES = 1 << 20, ARENA_ALIGN = 8 };
enum { HUGE_PAGE_BYTES = 2 << 20 };

struct cut_arena_block {
	struct cut_arena_block *next; /* owned */
	size_t used, cap;
	_Alignas(ARENA_ALIGN) char data[];
};

_Noreturn void cut_out_of_memory(void)
{
	static const char text[] = "cutover: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	_exit(EXIT_FAILURE); /* as a crash, for who waits for us, but no fault to hunt for */
}

static size_t product(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		cut_out_of_memory();
	return bytes;
}

void *cut_calloc(size_t n, size_t size)
{
	size_t bytes = product(n, size);
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		cut_out_of_memory();
	return p;
}

void *cut_malloc(size_t size)
{
	return cut_realloc(NULL, size);
}

void *cut_realloc(void *p, size_t size)
{
	void *moved = realloc(p, size ? size : 1);

	if (!moved)
		cut_out_of_memory();
	return moved;
}

void *cut_realloc_array(void *p, size_t n, size_t size)
{
	return cut_realloc(p, product(n, size));
}

void *cut_large_array(size_t n, size_t size)
{
	size_t bytes = product(n, size);
	void *p;

	if (bytes < 2 * HUGE_PAGE_BYTES)
		return cut_malloc(bytes);
	if (posix_memalign(&p, HUGE_PAGE_BYTES, bytes) != 0)
		cut_out_of_memory();
	madvise(p, bytes, MADV_HUGEPAGE); /* a wish */
	return p;
}

char *cut_strdup(const char *s)
{
	return s ? cut_strndup(s, strlen(s)) : NULL;
}

char *cut_strndup(const char *s, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		cut_out_of_memory();
	copy = cut_malloc(len + 1);
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *cut_printf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0)
		cut_out_of_memory();
	return text;
}

/* A large piece gets a block of its own behind the head, so that the head's rest stays in use. */
static struct cut_arena_block *add_block(struct cut_arena *arena, size_t size)
{
	size_t cap = arena->head ? arena->head->cap * 2 : ARENA_FIRST_BYTES;
	struct cut_arena_block *block;
	int alone;

	if (cap > ARENA_LARGEST_BYTES)
		cap = ARENA_LARGEST_BYTES;
	alone = arena->head && size > cap / 2;
	if (alone || size > cap)
		cap = size;
	if (cap > SIZE_MAX - sizeof(*block))
		cut_out_of_memory();
	block = cut_calloc(1, sizeof(*block) + cap);
	block->cap = cap;
	arena->total_bytes += cap;
	if (alone) {
		block->next = arena->head->next;
		arena->head->next = block;
	} else {
		block->next = arena->head;
		arena->head = block;
	}
	return block;
}

static void *bump(struct cut_arena *arena, size_t size, size_t align)
{
	struct cut_arena_block *block = arena->head;
	size_t at = block ? (block->used + align - 1) & ~(align - 1) : 0;

	if (!block || at > block->cap || size > block->cap - at) {
		block = add_block(arena, size);
		at = 0;
	}
	block->used = at + size;
	arena->used_bytes += size;
	return block->data + at;
}

void *cut_arena_alloc(struct cut_arena *arena, size_t size)
{
	return bump(arena, size, ARENA_ALIGN);
}

char *cut_arena_strndup(struct cut_arena *arena, const char *s, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		cut_out_of_memory();
	copy = bump(arena, len + 1, 1);
	if (len)
		memcpy(copy, s, len);
	return copy;
}

char *cut_arena_printf(struct cut_arena *arena, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		cut_out_of_memory();
	text = bump(arena, (size_t)len + 1, 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}

void cut_arena_done(struct cut_arena *arena)
{
	while (arena->head) {
		struct cut_arena_block *block = arena->head;

		arena->head = block->next;
		free(block);
	}
	arena->used_bytes = arena->total_bytes = 0;
}
