/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map: linear probing, at most 3/4 full. */
#include "engine/base/map.h"

#include "engine/base/hash.h"

#include <assert.h>
#include <string.h>

struct cut_map_slot {
	uint32_t hash, entry; /* entry: index + 1; 0: free */
};

struct cut_map_entry {
	const char *key; /* borrowed */
	uint32_t len, value;
};

/* The slot of the key, or the free one where it belongs. */
static struct cut_map_slot *probe(const struct cut_map *map, const char *key, size_t len,
				  uint32_t hash)
{
	size_t at = hash & (map->cap - 1);

	for (;; at = (at + 1) & (map->cap - 1)) {
		struct cut_map_slot *slot = &map->slots[at];
		const struct cut_map_entry *entry;

		if (!slot->entry)
			return slot;
		if (slot->hash != hash)
			continue;
		entry = &map->entries[slot->entry - 1];
		if (entry->len == len && memcmp(entry->key, key, len) == 0)
			return slot;
	}
}

static void grow(struct cut_map *map, size_t cap)
{
	struct cut_map_slot *bigger = cut_new_array(struct cut_map_slot, cap);

	for (size_t i = 0; i < map->cap; i++) {
		size_t at = map->slots[i].hash & (cap - 1);

		if (!map->slots[i].entry)
			continue;
		while (bigger[at].entry)
			at = (at + 1) & (cap - 1);
		bigger[at] = map->slots[i];
	}
	free(map->slots);
	map->slots = bigger;
	map->entries = cut_realloc_array(map->entries, cap / 4 * 3, sizeof(*map->entries));
	map->cap = cap;
}

bool cut_map_put(struct cut_map *map, const char *key, size_t len, uint32_t value,
		 uint32_t *ret_old)
{
	uint32_t hash = (uint32_t)cut_hash64(key, len);
	struct cut_map_slot *slot;

	assert(len < UINT32_MAX);
	if ((map->len + 1) * 4 > map->cap * 3)
		grow(map, map->cap ? map->cap * 2 : 16);
	slot = probe(map, key, len, hash);
	if (slot->entry) {
		if (ret_old)
			*ret_old = map->entries[slot->entry - 1].value;
		return false;
	}
	map->entries[map->len++] =
		(struct cut_map_entry){.key = key, .len = (uint32_t)len, .value = value};
	*slot = (struct cut_map_slot){.hash = hash, .entry = (uint32_t)map->len};
	return true;
}

uint32_t cut_map_get(const struct cut_map *map, const char *key, size_t len)
{
	const struct cut_map_slot *slot;

	if (!map->len)
		return CUT_MAP_NONE;
	slot = probe(map, key, len, (uint32_t)cut_hash64(key, len));
	return slot->entry ? map->entries[slot->entry - 1].value : CUT_MAP_NONE;
}

uint32_t cut_map_find(const struct cut_map *map, const char *key)
{
	return cut_map_get(map, key, strlen(key));
}

void cut_map_done(struct cut_map *map)
{
	free(map->slots);
	free(map->entries);
	*map = (struct cut_map){0};
}
