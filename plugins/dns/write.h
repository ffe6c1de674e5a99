/* SPDX-License-Identifier: Apache-2.0 */
/* The course of every action that writes records: read at the primary, three-way rule, save, one
 * guarded UPDATE, read back at every server. The actions give what is particular to them. */
#pragma once

#include "dns/change.h"
#include "dns/zone.h"

struct dns_kind {
	/* Which RRsets to read: name, type, owns of each change. */
	int (*read)(const json_t *params, const struct dns_zone *zone, struct dns_changes *ret,
		    struct kit_why *why);
	/* Where nothing is saved: from `now` and `tail_s` of each to `after`; may drop some. */
	int (*target)(struct cut_call *call, const struct dns_zone *zone,
		      struct dns_changes *changes, struct kit_why *why);
	/* seen_ms: since when every server shows it. */
	json_t *(*outputs)(struct cut_call *call, const struct dns_zone *zone,
			   const struct dns_changes *changes, int64_t seen_ms);
	const char *done; /* "the TTLs are as wanted" */
};

/* Plan, apply, verify, observe and rollback: whichever the call is. */
void dns_write(struct cut_call *call, const struct dns_kind *kind);
void dns_write_cancel(struct cut_call *call);
