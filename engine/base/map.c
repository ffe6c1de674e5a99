/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map: linear probing, at most 3/4 full. */
#include "engine/base/map.h"

#include "engine/base/hash.h"

#include <assert.h>
#include <string.h>

struct cut_map_slot {
	const char *key; /* borrowed; NULL: free */
	uint32_t hash, len, value;
};

/* The slot of the key, or the free one where it belongs. */
static struct cut_map_slot *probe(const struct cut_map *map, const char *key, size_t len,
				  uint32_t hash)
{
	size_t at = hash & (map->cap - 1);

	for (;; at = (at + 1) & (map->cap - 1)) {
		struct cut_map_slot *slot = &map->slots[at];

		if (!slot->key ||
		    (slot->hash == hash && slot->len == len && memcmp(slot->key, key, len) == 0))
			return slot;
	}
}

static void grow(struct cut_map *map)
{
	struct cut_map bigger = {.len = map->len, .cap = map->cap ? map->cap * 2 : 16};

	bigger.slots = cut_new_array(struct cut_map_slot, bigger.cap);
	for (size_t i = 0; i < map->cap; i++) {
		size_t at = map->slots[i].hash & (bigger.cap - 1);

		if (!map->slots[i].key)
			continue;
		while (bigger.slots[at].key)
			at = (at + 1) & (bigger.cap - 1);
		bigger.slots[at] = map->slots[i];
	}
	free(map->slots);
	*map = bigger;
}

bool cut_map_put(struct cut_map *map, const char *key, size_t len, uint32_t value,
		 uint32_t *ret_old)
{
	uint32_t hash = (uint32_t)cut_hash64(key, len);
	struct cut_map_slot *slot;

	assert(len < UINT32_MAX);
	if ((map->len + 1) * 4 > map->cap * 3)
		grow(map);
	slot = probe(map, key, len, hash);
	if (slot->key) {
		if (ret_old)
			*ret_old = slot->value;
		return false;
	}
	*slot = (struct cut_map_slot){
		.key = key, .hash = hash, .len = (uint32_t)len, .value = value};
	map->len++;
	return true;
}

uint32_t cut_map_get(const struct cut_map *map, const char *key, size_t len)
{
	const struct cut_map_slot *slot;

	if (!map->len)
		return CUT_MAP_NONE;
	slot = probe(map, key, len, (uint32_t)cut_hash64(key, len));
	return slot->key ? slot->value : CUT_MAP_NONE;
}

uint32_t cut_map_find(const struct cut_map *map, const char *key)
{
	return cut_map_get(map, key, strlen(key));
}

void cut_map_done(struct cut_map *map)
{
	free(map->slots);
	*map = (struct cut_map){0};
}
