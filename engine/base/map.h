/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from text to a number, open addressing. Used to find ids: steps, keys, metrics. */
#pragma once

#include "engine/base/alloc.h"

#include <stdbool.h>

#define CUT_MAP_NONE UINT32_MAX

struct cut_map {		       /* {0} is empty; keys are borrowed and must outlive it */
	struct cut_map_slot *slots;    /* owned: small, so that a look-up stays in the caches */
	struct cut_map_entry *entries; /* owned: in the order of their coming */
	size_t len, cap;	       /* cap: of slots */
};

/* False when the key was there already; *ret_old (may be NULL) is then its value. */
bool cut_map_put(struct cut_map *map, const char *key, size_t len, uint32_t value,
		 uint32_t *ret_old);
uint32_t cut_map_get(const struct cut_map *map, const char *key, size_t len); /* or CUT_MAP_NONE */
uint32_t cut_map_find(const struct cut_map *map, const char *key);	      /* NUL-terminated */
void cut_map_done(struct cut_map *map);
