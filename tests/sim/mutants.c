/* SPDX-License-Identifier: Apache-2.0 */
/* The test of the test: an engine without one of its rules must be caught. A simulator that is
 * quiet then proves nothing. */
#include "sim.h"

#include "engine/base/rule.h"

#include <stdio.h>

enum cut_rule cut_rule_removed;

/* Rules of the engine's own files are removed there; those that processes keep (the lock, the
 * supervisor, hostlink) are neglected by the world that stands in for them. */
static const struct mutant {
	const char *name;
	enum cut_rule removed;
	enum sim_neglect neglect;
} mutants[] = {
	{"look before repeating", CUT_RULE_LOOK_FIRST, 0},
	{"same key for a repetition", CUT_RULE_SAME_KEY, 0},
	{"one engine holds the lock", 0, SIM_NEGLECT_LOCK},
	{"intent before effect", CUT_RULE_INTENT_FIRST, 0},
	{"hosts end with their engine", 0, SIM_NEGLECT_FENCE},
	{"buried before told lost", 0, SIM_NEGLECT_QUIESCE},
	{"one answer a call", 0, SIM_NEGLECT_ONCE},
	{"failed sync is final", CUT_RULE_SYNC_ONCE, 0},
	{"resume reads the disk", CUT_RULE_READ_DISK, 0},
};

/* The first seed in which it is missed; 0: none. */
static uint64_t first_catch(const struct mutant *m, struct cut_catalog *catalog, uint64_t seeds,
			    struct sim_result *ret)
{
	struct sim_options options = {.catalog = catalog, .neglect = m->neglect, .quiet = true};
	uint64_t seed = 1;

	cut_rule_removed = m->removed;
	while (seed <= seeds && (*ret = sim_play(seed, &options)).ok)
		seed++;
	cut_rule_removed = CUT_RULE_NONE;
	return seed <= seeds ? seed : 0;
}

bool sim_mutants(struct cut_catalog *catalog, uint64_t seeds)
{
	bool all = true;

	for (size_t i = 0; i < CUT_ARRAY_LEN(mutants); i++) {
		struct sim_result result = {0};
		uint64_t seed = first_catch(&mutants[i], catalog, seeds, &result);

		if (seed)
			printf("  without \"%s\": seed %llu: %s\n", mutants[i].name,
			       (unsigned long long)seed, result.fault);
		else
			printf("  without \"%s\": NOT CAUGHT in %llu seeds\n", mutants[i].name,
			       (unsigned long long)seeds);
		all &= seed != 0;
	}
	return all;
}
