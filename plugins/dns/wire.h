/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of this plugin as octets: queries, guarded UPDATEs (RFC 2136), and whether a reply
 * belongs to a request. Used by ask.c and update.c. */
#pragma once

#include "dns/rrset.h"

#include <stdint.h>

#define DNS_EDNS_BYTES 1232 /* larger UDP replies get fragmented on the way and lost */

struct dns_message {
	uint8_t *bytes; /* owned; cap of them */
	size_t len, cap;
};

/* An RRset as it is now and as it is to be. Equal in values and TTL: guarded, not written. */
struct dns_item {
	const struct dns_rrset *now, *want; /* borrowed */
};

void dns_message_done(struct dns_message *m);

int dns_query_make(const ldns_rdf *name, ldns_rr_type type, bool recursive, bool edns,
		   struct dns_message *ret);
/* One UPDATE for all items: each must still be as `now` (values, not TTLs, which prerequisites do
 * not see); those to be changed are deleted and added, the only form in which every server changes
 * a TTL. dry: the prerequisites alone. Leaves room for a signature. -E2BIG: too much for one. */
int dns_update_make(const ldns_rdf *zone, const struct dns_item *items, size_t n, bool dry,
		    struct dns_message *ret);

/* A reply with this request's id, opcode and question. An error reply and one to an UPDATE may
 * leave the question out. */
bool dns_reply_belongs(const struct dns_message *request, const uint8_t *reply, size_t len);
static inline bool dns_reply_truncated(const uint8_t *reply)
{
	return reply[2] & 0x02;
}
static inline unsigned dns_reply_rcode(const uint8_t *reply)
{
	return reply[3] & 0x0f;
}
const char *dns_rcode_text(unsigned rcode); /* "REFUSED"; "an unknown code" */
