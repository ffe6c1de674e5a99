/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …": the nearest of a set of names. Used by every message about an unknown name. */
#pragma once

#include <stddef.h>

/* Feed candidates one by one; best stays NULL while nothing is near enough (edit distance with
 * transpositions at most 1 for up to 4 letters, 2 up to 8, else 3), or begins as the word does, or
 * is a path that ends with it. */
struct cut_near {
	const char *word; /* borrowed: what was written */
	const char *best; /* borrowed: the nearest candidate so far */
	unsigned distance;
};
void cut_near_try(struct cut_near *near, const char *candidate);
