/* SPDX-License-Identifier: Apache-2.0 */
/* Votes by key and by uid: whose count, that a person counts once, that a statement is good for one
 * vote on what its voter saw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/lib/world.h"

/* dana is known by her keys only, bob by both; the quorum takes two persons. */
static struct world *open_gate(void)
{
	struct world *w =
		world_new("roles: {lead: {members: [bob, dana, erin], quorum: 2},"
			  " dba: {members: [alice, bob], not_starter: true}}\n"
			  "steps:\n  - {id: go, approve: {roles: [lead]}}\n"
			  "  - {id: two, approve: {roles: [dba]}}\n  - {id: a, uses: t.read}\n");

	world_armed(w, "{\"roles\": {"
		       "\"lead\": [{\"name\": \"dana\", \"keys\": [\"d1\", \"d2\"]},"
		       " {\"name\": \"bob\", \"uid\": 1002, \"keys\": [\"b1\"]},"
		       " {\"name\": \"erin\", \"keys\": [\"e1\"]}, {\"name\": \"nobody\"}],"
		       "\"dba\": [{\"name\": \"alice\", \"uid\": 1001, \"keys\": [\"a1\"]},"
		       " {\"name\": \"bob\", \"uid\": 1002, \"keys\": [\"b1\"]}]}}");
	world_start(w);
	return w;
}

struct vote {
	const char *gate, *key;
	int64_t uid;
	const char *nonce, *evidence;
	int result;
	const char *why; /* of a refusal */
};

static void cast(struct world *w, const struct vote *vote)
{
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_event ev = {
		.type = CUT_EV_APPROVAL,
		.approval = {.gate = vote->gate,
			     .uid = vote->key ? -1 : vote->uid,
			     .name = "x",
			     .key = vote->key,
			     .nonce = vote->nonce,
			     .evidence = vote->evidence},
	};

	assert_int_equal(world_feed(w, &ev, &err), vote->result);
	if (vote->why)
		assert_string_equal(err.why, vote->why);
}

static void cast_all(struct world *w, const struct vote *votes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		cast(w, &votes[i]);
}

static void test_a_person_counts_once_by_whatever_key(void **state)
{
	static const struct vote votes[] = {
		{"go", "x9", 0, NULL, NULL, -EPERM, "the key is not of a role that is asked"},
		{"go", "a1", 0, NULL, NULL, -EPERM, "the key is not of a role that is asked"},
		{"go", NULL, 1003, NULL, NULL, -EPERM, "not a member of a role that is asked"},
		{"go", NULL, -1, NULL, NULL, -EPERM, "not a member of a role that is asked"},
		{"go", "d1", 0, NULL, NULL, 0, NULL},
		{"go", "d1", 0, NULL, NULL, -EALREADY, "a person counts once"},
		{"go", "d2", 0, NULL, NULL, -EALREADY, "a person counts once"},
		{"go", "e1", 0, NULL, NULL, 0, NULL},
		{"go", "b1", 0, NULL, NULL, -EALREADY, "approved, last by x"},
	};
	struct world *w = open_gate();

	cast_all(w, votes, CUT_ARRAY_LEN(votes));
	assert_true(world_saw(w, "go succeeded"));
	world_free(w);
}

static void test_a_key_and_a_uid_of_one_person_are_one_vote(void **state)
{
	static const struct vote votes[] = {
		{"go", NULL, 1002, NULL, NULL, 0, NULL},
		{"go", "b1", 0, NULL, NULL, -EALREADY, "a person counts once"},
		{"go", "d1", 0, NULL, NULL, 0, NULL},
	};
	struct world *w = open_gate();

	cast_all(w, votes, CUT_ARRAY_LEN(votes));
	assert_true(world_saw(w, "go succeeded"));
	world_free(w);
}

static void test_who_started_the_run_may_be_shut_out_by_key_as_well(void **state)
{
	static const struct vote votes[] = {
		{"go", "d1", 0, NULL, NULL, 0, NULL},
		{"go", "e1", 0, NULL, NULL, 0, NULL},
		{"two", "a1", 0, NULL, NULL, -EPERM,
		 "the one who started the run may not approve it"},
		{"two", NULL, 1001, NULL, NULL, -EPERM,
		 "the one who started the run may not approve it"},
		{"two", "b1", 0, NULL, NULL, 0, NULL},
	};
	struct world *w = open_gate();

	cast_all(w, votes, CUT_ARRAY_LEN(votes));
	assert_true(world_saw(w, "two succeeded"));
	world_free(w);
}

static void test_a_statement_is_good_for_one_vote_on_what_was_shown(void **state)
{
	static const struct vote before[] = {
		{"go", "d1", 0, "n1", "another", -ESTALE,
		 "what it is about has changed since it was shown"},
		{"go", "d1", 0, "n1", NULL, 0, NULL},
		{"go", "e1", 0, "n1", NULL, -EALREADY, "a signed statement counts once"},
		{"go", NULL, 1002, NULL, NULL, 0, NULL},
		{"two", "b1", 0, "n1", NULL, -EALREADY, "a signed statement counts once"},
	};
	struct world *w = open_gate();
	struct vote shown = {"two", "b1", 0, "n2", NULL, 0, NULL};
	size_t len;

	cast_all(w, before, CUT_ARRAY_LEN(before));
	shown.evidence = cut_run_waiting(world_run(w), &len)->digest;
	assert_int_equal(len, 1);
	cast(w, &shown);
	assert_true(world_saw(w, "two succeeded"));
	world_free(w);
}

/* bob fills the only place that erin may fill as well, until she comes. */
static void test_who_may_fill_several_places_makes_room_for_others(void **state)
{
	static const struct vote votes[] = {
		{"go", NULL, 1002, NULL, NULL, 0, NULL},
		{"go", NULL, 1003, NULL, NULL, 0, NULL},
	};
	static const char *const roles[] = {"any, dba", "dba, any"};

	(void)state;
	for (size_t i = 0; i < CUT_ARRAY_LEN(roles); i++) {
		cut_auto(cut_str) char *text =
			cut_printf("roles: {any: {members: [bob, erin]}, dba: {members: [bob]}}\n"
				   "steps:\n  - {id: go, approve: {roles: [%s]}}\n",
				   roles[i]);
		struct world *w = world_new(text);

		world_armed(w, "{\"roles\": {"
			       "\"any\": [{\"name\": \"bob\", \"uid\": 1002},"
			       " {\"name\": \"erin\", \"uid\": 1003}],"
			       "\"dba\": [{\"name\": \"bob\", \"uid\": 1002}]}}");
		world_start(w);
		cast(w, &votes[0]);
		cast(w, &votes[1]);
		assert_true(world_saw(w, "go succeeded"));
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_person_counts_once_by_whatever_key),
		cmocka_unit_test(test_a_key_and_a_uid_of_one_person_are_one_vote),
		cmocka_unit_test(test_who_started_the_run_may_be_shut_out_by_key_as_well),
		cmocka_unit_test(test_a_statement_is_good_for_one_vote_on_what_was_shown),
		cmocka_unit_test(test_who_may_fill_several_places_makes_room_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
