/* SPDX-License-Identifier: Apache-2.0 */
/* What an action changes: RRsets as they were, are and shall be, and the three-way rule over them.
 * Pure; used by write.c and the actions. */
#pragma once

#include "dns/wire.h"

/* Only what an action owns is compared and restored. */
enum {
	DNS_OWNS_VALUES = 1u << 0,
	DNS_OWNS_TTL = 1u << 1,
};

struct dns_change {
	ldns_rdf *name; /* owned */
	ldns_rr_type type;
	unsigned owns;
	bool implied;		  /* not asked for by name: what would stand beside a CNAME */
	struct dns_rrset *before; /* owned, as all three: first read, or saved */
	struct dns_rrset *now;
	struct dns_rrset *after;
	uint32_t tail_s; /* how long resolvers may keep `before` */
};

struct dns_changes {
	struct dns_change *list; /* owned */
	size_t n;
};

/* The new last one, until the next is added. */
struct dns_change *dns_changes_add(struct dns_changes *changes, const ldns_rdf *name,
				   ldns_rr_type type, unsigned owns);
struct dns_change *dns_changes_find(const struct dns_changes *changes, const ldns_rdf *name,
				    ldns_rr_type type);
void dns_changes_drop(struct dns_changes *changes, size_t index);
void dns_changes_done(struct dns_changes *changes);

/* Backward, an action that owns values lets their TTL be: a low one stays low. */
unsigned dns_change_owns(const struct dns_change *change, bool backward);
/* Equal in what is owned. */
bool dns_rrset_matches(const struct dns_rrset *a, const struct dns_rrset *b, unsigned owns);

enum dns_standing {
	DNS_ALL_THERE, /* every RRset is as wanted */
	DNS_TO_DO,     /* each is as it was before or as wanted, at least one as before */
	DNS_CONFLICT,  /* one is neither: somebody else changed it */
};
/* The three-way rule; backward: `before` is what is wanted. ret_index: the first in conflict. */
enum dns_standing dns_changes_standing(const struct dns_changes *changes, bool backward,
				       size_t *ret_index);
/* Before, current and after of one in conflict, for an operator. Owned by the caller. */
char *dns_change_conflict(const struct dns_change *change, bool backward);

/* What is to be written now, owned by the caller: what the change owns as wanted, the rest as it
 * is. Backward never raises a TTL that only came along with values. */
struct dns_rrset *dns_change_want(const struct dns_changes *changes, size_t index, bool backward);

/* The saved state, and what a plan or an output shows of it. */
json_t *dns_changes_to_json(const struct dns_changes *changes);
int dns_changes_from_json(const json_t *json, struct dns_changes *ret, struct kit_why *why);
/* Whether the saved state brings back the very records: else nothing may be changed. */
bool dns_changes_restorable(const struct dns_changes *changes, const json_t *saved);
json_t *dns_changes_shown(const struct dns_changes *changes);
