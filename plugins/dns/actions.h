/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of this plugin and what they share. Used by dns.c. */
#pragma once

#include "dns/change.h"
#include "dns/zone.h"

extern const struct cut_action dns_set_ttl, dns_set_records, dns_wait_propagated;

/* TTLs from before this run lowered them, for `ttl: original`. Lives in the plugin's process, so a
 * restarted host knows only those of the steps that it is called for again. */
struct dns_originals {
	json_t *ttls; /* owned: "www.shop.test. A" → seconds */
};
void dns_originals_learn(struct cut_call *call, const struct dns_changes *changes);

/* A TTL in seconds from a duration's text or its JSON number. */
int dns_ttl_parse(const json_t *value, uint32_t *ret, struct kit_why *why);

/* One record of a list of {name, type, values, ttl}; ttl -1: not given. */
struct dns_record {
	struct dns_rrset *set; /* owned */
	int64_t ttl;
};
int dns_record_parse(const json_t *json, const ldns_rdf *zone, struct dns_record *ret,
		     struct kit_why *why);
