/* SPDX-License-Identifier: Apache-2.0 */
/* cutover-sim --seed N replays one seed with its trace; --seeds A-B plays many and tells how many
 * a second; --mutants takes the safety rules away in turn. Exit 1 where a rule was broken, or one
 * that is gone is not missed. */
#include "sim.h"

#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/core/catalog.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPEAT 50 /* every so many seeds one is played twice */

static int usage(void)
{
	fprintf(stderr, "usage: cutover-sim --seed N | --seeds A-B | --mutants\n");
	return 2;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int play_one(struct cut_catalog *catalog, uint64_t seed)
{
	struct sim_options loud = {.catalog = catalog, .trace = true};
	struct sim_options quiet = {.catalog = catalog, .quiet = true};
	struct sim_result first = sim_play(seed, &loud);
	struct sim_result again = sim_play(seed, &quiet);

	printf("seed %llu: %s, %s, %u turns, %u crashes, %u orders, trace %08x\n",
	       (unsigned long long)seed, first.ok ? "ok" : "BROKEN",
	       cut_run_state_name(first.state), first.turns, first.crashes, first.orders,
	       first.hash);
	if (first.hash != again.hash)
		printf("the same seed gave another trace, %08x\n", again.hash);
	return first.ok && first.hash == again.hash ? 0 : 1;
}

static int play_many(struct cut_catalog *catalog, uint64_t from, uint64_t to)
{
	unsigned ends[CUT_RUN_STATES] = {0}, broken = 0;
	uint64_t events = 0, crashes = 0;
	uint32_t hash = 0;
	double start = seconds(), took;

	for (uint64_t seed = from; seed <= to; seed++) {
		struct sim_options options = {.catalog = catalog};
		struct sim_result result = sim_play(seed, &options);

		if (seed % REPEAT == 0 && sim_play(seed, &options).hash != result.hash) {
			printf("seed %llu: played again, it gave another trace\n",
			       (unsigned long long)seed);
			result.ok = false;
		}

		ends[result.state]++;
		broken += !result.ok;
		events += result.turns;
		crashes += result.crashes;
		hash = cut_crc32c(hash, &result.hash, sizeof(result.hash));
	}
	took = seconds() - start;
	printf("%llu seeds in %.1f s, %.0f seeds/s, %llu turns, %llu crashes, trace %08x\n",
	       (unsigned long long)(to - from + 1), took, (double)(to - from + 1) / took,
	       (unsigned long long)events, (unsigned long long)crashes, hash);
	for (int i = 0; i < CUT_RUN_STATES; i++)
		if (ends[i])
			printf("  %-20s %u\n", cut_run_state_name((enum cut_run_state)i), ends[i]);
	if (broken)
		printf("%u BROKEN\n", broken);
	return broken ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct cut_catalog catalog = {0};
	cut_auto(cut_json) json_t *descriptor = sim_descriptor();
	cut_auto(cut_err) struct cut_err err = {0};
	unsigned long long from, to;
	int r = -1;

	cut_log_open(-1, CUT_LOG_ERROR, "sim");
	if (cut_catalog_add(&catalog, descriptor, &err) < 0) {
		fprintf(stderr, "cutover-sim: %s\n", err.what);
		return 2;
	}
	if (argc == 3 && strcmp(argv[1], "--seed") == 0 && sscanf(argv[2], "%llu", &from) == 1)
		r = play_one(&catalog, from);
	else if (argc == 3 && strcmp(argv[1], "--seeds") == 0 &&
		 sscanf(argv[2], "%llu-%llu", &from, &to) == 2 && from <= to)
		r = play_many(&catalog, from, to);
	else if (argc == 2 && strcmp(argv[1], "--mutants") == 0)
		r = sim_mutants(&catalog, 20000) ? 0 : 1;
	cut_catalog_done(&catalog);
	return r < 0 ? usage() : r;
}
