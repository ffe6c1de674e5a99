/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest name: edit distance with transpositions of neighbours (optimal string alignment). */
#include "engine/base/near.h"

#include <stdbool.h>
#include <string.h>

enum { LONGEST = 64 };

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][LONGEST + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = smaller(above[j - 1] + (a[i - 1] != b[j - 1]),
					 smaller(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = smaller(row[j], before[j - 2] + 1);
		}
	}
	return row[b_len];
}

/* One is how the other begins, and a fair part of it: int and integer. */
static bool begins(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t shorter = a_len < b_len ? a_len : b_len, longer = a_len < b_len ? b_len : a_len;

	return shorter >= 3 && shorter * 5 >= longer * 2 && memcmp(a, b, shorter) == 0;
}

/* A step by its plain name, where only instances have it: shift, ladder/5/shift. */
static bool is_last_part(const char *word, size_t len, const char *path, size_t path_len)
{
	return path_len > len && path[path_len - len - 1] == '/' &&
	       memcmp(path + path_len - len, word, len) == 0;
}

void cut_near_try(struct cut_near *near, const char *candidate)
{
	size_t len = strlen(near->word), other = strlen(candidate);
	size_t gap = len > other ? len - other : other - len;
	unsigned limit = len <= 4 ? 1 : len <= 8 ? 2 : 3;
	unsigned distance = LONGEST + 1;

	if (len > LONGEST || other > LONGEST)
		return;
	/* A word of one letter is near to nothing: every letter would be. */
	if (len > limit && gap <= limit)
		distance = edit_distance(near->word, len, candidate, other);
	if (distance > limit) {
		if (!begins(near->word, len, candidate, other) &&
		    !is_last_part(near->word, len, candidate, other))
			return;
		distance = LONGEST; /* anything nearer wins */
	}
	if (near->best && distance >= near->distance)
		return;
	near->best = candidate;
	near->distance = distance;
}
