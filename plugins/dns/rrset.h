/* SPDX-License-Identifier: Apache-2.0 */
/* Names and RRsets: from what an operator writes, to JSON for saving, to lists of ldns records for
 * packets, and compared as DNS compares them. Used by all of plugins/dns. */
#pragma once

#include "kit/kit.h"

#include <ldns/ldns.h>

#define DNS_TTL_MAX 2147483647

struct dns_rrset {
	ldns_rdf *owner; /* owned; absolute */
	ldns_rr_type type;
	uint32_t ttl;	   /* meaningless while there are no records */
	ldns_rr_list *rrs; /* owned; empty: the RRset does not exist */
};

/* An absolute name from an operator's text: "@" is the zone; a trailing dot or the zone's own name
 * at the end makes it absolute, everything else is relative to the zone. Owned by the caller. */
int dns_name_parse(const char *text, const ldns_rdf *zone, ldns_rdf **ret, struct kit_why *why);
bool dns_name_within(const ldns_rdf *name, const ldns_rdf *zone);
/* "www.shop.test." in a buffer of DNS_NAME_TEXT. */
#define DNS_NAME_TEXT 1025
const char *dns_name_text(const ldns_rdf *name, char *buf);

/* A type that may be written: not the SOA, nor what a signer maintains. 0 or negative errno. */
int dns_type_parse(const char *text, ldns_rr_type *ret, struct kit_why *why);
const char *dns_type_text(ldns_rr_type type); /* "A"; "?" for what has no name here */

struct dns_rrset *dns_rrset_new(const ldns_rdf *owner, ldns_rr_type type);
struct dns_rrset *dns_rrset_copy(const struct dns_rrset *set);
void dns_rrset_free(struct dns_rrset *set);
static inline bool dns_rrset_empty(const struct dns_rrset *set)
{
	return ldns_rr_list_rr_count(set->rrs) == 0;
}

/* One more value in presentation form. Names that are a whole value (CNAME, NS, PTR) are relative
 * to the zone only while they have no dot; names within other values are absolute. */
int dns_rrset_add(struct dns_rrset *set, const char *value, const ldns_rdf *zone,
		  struct kit_why *why);
/* Takes the records of this name and type out of an answer section. */
void dns_rrset_collect(struct dns_rrset *set, const ldns_rr_list *answer);

/* Equal as sets, in canonical form (RFC 4034 6.2), whatever the TTLs. */
bool dns_rrset_same_values(const struct dns_rrset *a, const struct dns_rrset *b);
void dns_rrset_set_ttl(struct dns_rrset *set, uint32_t ttl);

/* {"ttl", "values"}; and back, -EINVAL where it is not of that form. */
json_t *dns_rrset_to_json(const struct dns_rrset *set);
int dns_rrset_from_json(const json_t *json, const ldns_rdf *owner, ldns_rr_type type,
			struct dns_rrset **ret, struct kit_why *why);
/* "127.0.0.2 127.0.0.3 (ttl 300s)" or "none". Owned by the caller. */
char *dns_rrset_text(const struct dns_rrset *set);
