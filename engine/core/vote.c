/* SPDX-License-Identifier: Apache-2.0 */
/* Whose vote counts: persons by uid or by key, their roles, and whether all quorums are reached. */
#include "engine/core/run_internal.h"

#include "engine/base/json.h"

#include <string.h>

/* The member's own copy of this fingerprint, or NULL. */
static const char *own_key(const json_t *member, const char *fingerprint)
{
	const json_t *keys = json_object_get(member, "keys"), *key;
	size_t i;

	json_array_foreach ((json_t *)keys, i, key)
		if (strcmp(json_string_value(key), fingerprint) == 0)
			return json_string_value(key);
	return NULL;
}

const json_t *cut_run_key_holder(const struct cut_run *run, const char *fingerprint)
{
	const char *role;
	json_t *members, *member;
	size_t i;

	json_object_foreach (json_object_get(run->armed, "roles"), role, members)
		json_array_foreach (members, i, member)
			if (own_key(member, fingerprint))
				return member;
	return NULL;
}

struct cut_voter cut_voter_of(const struct cut_run *run, const struct cut_event *ev)
{
	const json_t *holder = ev->approval.key ? cut_run_key_holder(run, ev->approval.key) : NULL;

	if (!ev->approval.key)
		return (struct cut_voter){.uid = ev->approval.uid};
	return (struct cut_voter){
		.uid = cut_json_int(holder, "uid", -1),
		.name = cut_json_str(holder, "name", ""),
		.key = holder ? own_key(holder, ev->approval.key) : "",
	};
}

bool cut_voter_same(struct cut_voter a, struct cut_voter b)
{
	if (a.uid >= 0 || b.uid >= 0)
		return a.uid == b.uid;
	return a.name && b.name && strcmp(a.name, b.name) == 0;
}

bool cut_voter_member(const struct cut_run *run, const char *role, struct cut_voter voter)
{
	const json_t *members = json_object_get(json_object_get(run->armed, "roles"), role);
	json_t *member;
	size_t i;

	json_array_foreach ((json_t *)members, i, member)
		if (voter.key ? own_key(member, voter.key) != NULL
			      : voter.uid >= 0 && cut_json_int(member, "uid", -1) == voter.uid)
			return true;
	return false;
}

bool cut_run_member(const struct cut_run *run, const char *role, int64_t uid)
{
	return cut_voter_member(run, role, (struct cut_voter){.uid = uid});
}

bool cut_voter_counts(const struct cut_run *run, const struct cut_role *role,
		      struct cut_voter voter)
{
	if (role->not_starter && voter.uid == cut_json_int(run->armed, "starter", -2))
		return false;
	return cut_voter_member(run, role->name, voter);
}

/* Persons against places of roles: each person fills one place, found by augmenting paths. */
struct quorum {
	const struct cut_run *run;
	const uint32_t *roles;
	const struct cut_voter *voters;
	uint32_t *filled; /* by which vote, of each place; CUT_NONE */
	const uint32_t *place_role;
	uint32_t places;
};

static bool fill_place(struct quorum *q, uint32_t vote, bool *seen, unsigned depth)
{
	for (uint32_t p = 0; p < q->places && depth < 64; p++) {
		if (seen[p] || !cut_voter_counts(q->run, &q->run->rb->roles[q->place_role[p]],
						 q->voters[vote]))
			continue;
		seen[p] = true;
		if (q->filled[p] == CUT_NONE || fill_place(q, q->filled[p], seen, depth + 1)) {
			q->filled[p] = vote;
			return true;
		}
	}
	return false;
}

bool cut_vote_quorum(const struct cut_run *run, const uint32_t *roles, uint32_t roles_len,
		     const struct cut_voter *voters, uint32_t voters_len)
{
	struct quorum q = {.run = run, .voters = voters};
	uint32_t filled = 0, at = 0, *place_role;
	bool *seen;

	for (uint32_t i = 0; i < roles_len; i++)
		q.places += run->rb->roles[roles[i]].quorum;
	q.filled = cut_new_array(uint32_t, q.places);
	place_role = cut_new_array(uint32_t, q.places);
	seen = cut_new_array(bool, q.places);
	for (uint32_t i = 0; i < roles_len; i++)
		for (unsigned k = 0; k < run->rb->roles[roles[i]].quorum; k++)
			place_role[at++] = roles[i];
	q.place_role = place_role;
	memset(q.filled, 0xff, q.places * sizeof(*q.filled));
	for (uint32_t v = 0; v < voters_len; v++) {
		memset(seen, 0, q.places * sizeof(*seen));
		filled += fill_place(&q, v, seen, 0);
	}
	free(q.filled);
	free(place_role);
	free(seen);
	return filled == q.places;
}
