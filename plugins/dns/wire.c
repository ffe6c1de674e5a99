/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as octets; see wire.h. ldns packs and unpacks records, and no function of it that opens
 * a socket is ever called. */
#include "dns/wire.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_LEN     12
#define SIGNATURE_ROOM 512
#define MESSAGE_MAX    65535

/* Unpredictable. */
static uint16_t message_id(void)
{
	uint16_t id;

	if (RAND_bytes((unsigned char *)&id, sizeof(id)) != 1)
		abort();
	return id;
}

void dns_message_done(struct dns_message *m)
{
	free(m->bytes);
	*m = (struct dns_message){0};
}

static int pack(ldns_pkt *pkt, struct dns_message *ret)
{
	uint8_t *wire = NULL;
	size_t len = 0;

	if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK ||
	    len > MESSAGE_MAX - SIGNATURE_ROOM) {
		free(wire);
		return -E2BIG;
	}
	ret->cap = len + SIGNATURE_ROOM;
	ret->bytes = kit_realloc(wire, ret->cap, 1);
	ret->len = len;
	return 0;
}

int dns_query_make(const ldns_rdf *name, ldns_rr_type type, bool recursive, bool edns,
		   struct dns_message *ret)
{
	ldns_pkt *pkt = ldns_pkt_query_new(ldns_rdf_clone(name), type, LDNS_RR_CLASS_IN,
					   recursive ? LDNS_RD : 0);
	int r;

	if (!pkt)
		abort();
	ldns_pkt_set_id(pkt, message_id());
	if (edns)
		ldns_pkt_set_edns_udp_size(pkt, DNS_EDNS_BYTES);
	r = pack(pkt, ret);
	ldns_pkt_free(pkt);
	return r;
}

/* A record without data, as prerequisites and deletions are written. */
static ldns_rr *bare(const struct dns_rrset *set, ldns_rr_class class)
{
	ldns_rr *rr = ldns_rr_new();

	if (!rr)
		abort();
	ldns_rr_set_owner(rr, ldns_rdf_clone(set->owner));
	ldns_rr_set_type(rr, set->type);
	ldns_rr_set_class(rr, class);
	ldns_rr_set_ttl(rr, 0);
	return rr;
}

static void push(ldns_rr_list *list, ldns_rr *rr)
{
	if (!rr || !ldns_rr_list_push_rr(list, rr))
		abort();
}

static void push_all(ldns_rr_list *list, const struct dns_rrset *set, uint32_t ttl)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(set->rrs); i++) {
		ldns_rr *rr = ldns_rr_clone(ldns_rr_list_rr(set->rrs, i));

		push(list, rr);
		ldns_rr_set_ttl(rr, ttl);
	}
}

static bool unchanged(const struct dns_item *item)
{
	return dns_rrset_same_values(item->now, item->want) &&
	       (dns_rrset_empty(item->now) || item->now->ttl == item->want->ttl);
}

int dns_update_make(const ldns_rdf *zone, const struct dns_item *items, size_t n, bool dry,
		    struct dns_message *ret)
{
	ldns_rr_list *guards = ldns_rr_list_new(), *updates = ldns_rr_list_new();
	ldns_pkt *pkt;
	size_t i;
	int r;

	if (!guards || !updates)
		abort();
	for (i = 0; i < n; i++)
		if (dns_rrset_empty(items[i].now))
			push(guards, bare(items[i].now, LDNS_RR_CLASS_NONE));
		else
			push_all(guards, items[i].now, 0);
	/* All deletions first: a CNAME is ignored where another record still stands. */
	for (i = 0; !dry && i < n; i++)
		if (!unchanged(&items[i]) && !dns_rrset_empty(items[i].now))
			push(updates, bare(items[i].now, LDNS_RR_CLASS_ANY));
	for (i = 0; !dry && i < n; i++)
		if (!unchanged(&items[i]))
			push_all(updates, items[i].want, items[i].want->ttl);
	pkt = ldns_update_pkt_new(ldns_rdf_clone(zone), LDNS_RR_CLASS_IN, guards, updates, NULL);
	if (!pkt)
		abort();
	ldns_pkt_set_id(pkt, message_id());
	r = pack(pkt, ret);
	ldns_pkt_free(pkt);
	ldns_rr_list_deep_free(guards);
	ldns_rr_list_deep_free(updates);
	return r;
}

/* The octets of the one question, which no server can have compressed; 0: not there. */
static size_t question_len(const uint8_t *msg, size_t len)
{
	size_t pos = HEADER_LEN;

	while (pos < len && msg[pos] && msg[pos] < 64)
		pos += 1u + msg[pos];
	return pos + 5 <= len && msg[pos] == 0 ? pos + 5 - HEADER_LEN : 0;
}

static bool same_question(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t x = a[HEADER_LEN + i], y = b[HEADER_LEN + i];

		if (x != y &&
		    (i + 4 >= len || (x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
			return false;
	}
	return true;
}

bool dns_reply_belongs(const struct dns_message *request, const uint8_t *reply, size_t len)
{
	const uint8_t *ours = request->bytes;
	unsigned opcode = ours[2] & 0x78;
	size_t question;

	if (len < HEADER_LEN || memcmp(reply, ours, 2) != 0 || !(reply[2] & 0x80) ||
	    (reply[2] & 0x78) != opcode)
		return false;
	if (reply[4] == 0 && reply[5] == 0)
		return opcode ||
		       (dns_reply_rcode(reply) && dns_reply_rcode(reply) != LDNS_RCODE_NXDOMAIN);
	question = question_len(ours, request->len);
	return reply[4] == 0 && reply[5] == 1 && question_len(reply, len) == question &&
	       same_question(ours, reply, question);
}

const char *dns_rcode_text(unsigned rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					    "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
					    "NXRRSET", "NOTAUTH", "NOTZONE"};

	return rcode < KIT_ARRAY_LEN(names) ? names[rcode] : "an unknown code";
}
