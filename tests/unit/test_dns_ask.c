/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/dns/ask.c: what is made of a server's answer, and which answers are none. */
#include "dns/ask.h"
#include "dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define A_RECORD "www.shop.test. 300 IN A 127.0.0.2"
#define SOA	 " SOA ns.shop.test. me.shop.test. 1 2 3 4 "

static const struct row {
	unsigned rcode, extended;
	bool authoritative, recursive; /* the answer; who was asked */
	const char *answer, *authority;
	int error;
	const char *why; /* begins so; else the records as text */
	uint32_t negative_ttl;
} rows[] = {
	{0, 0, true, false, A_RECORD, NULL, 0, "127.0.0.2 (ttl 300s)", 0},
	{0, 0, false, true, A_RECORD, NULL, 0, "127.0.0.2 (ttl 300s)", 0},
	{0, 0, false, false, A_RECORD, NULL, -EPROTO, "is not authoritative for the zone", 0},
	{0, 1, true, false, A_RECORD, NULL, -EPROTO, "answers with an extended error", 0},
	{LDNS_RCODE_SERVFAIL, 0, true, false, A_RECORD, NULL, -EPROTO, "answers SERVFAIL", 0},
	{LDNS_RCODE_REFUSED, 0, true, false, NULL, NULL, -EPROTO, "answers REFUSED", 0},
	{0, 0, true, false, NULL, "shop.test. 9" SOA "7", 0, "none", 7},
	{0, 0, true, false, NULL, "shop.test. 5" SOA "7", 0, "none", 5},
	{LDNS_RCODE_NXDOMAIN, 0, true, false, NULL, "shop.test. 9" SOA "7", 0, "none", 7},
	{0, 0, true, false, NULL, NULL, 0, "none", 0},
};

static void push(ldns_pkt *pkt, ldns_pkt_section section, const char *text)
{
	ldns_rr *rr = NULL;

	if (!text)
		return;
	assert_int_equal(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL), LDNS_STATUS_OK);
	assert_true(ldns_pkt_push_rr(pkt, section, rr));
}

static void read_row(const struct row *row, const ldns_rdf *name, struct dns_answer *ret)
{
	const struct dns_question question = {name, LDNS_RR_TYPE_A};
	ldns_pkt *pkt =
		ldns_pkt_query_new(ldns_rdf_clone(name), LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_QR);
	uint8_t *wire = NULL;
	size_t len = 0;

	ldns_pkt_set_aa(pkt, row->authoritative);
	ldns_pkt_set_rcode(pkt, (uint8_t)row->rcode);
	if (row->extended) {
		ldns_pkt_set_edns_udp_size(pkt, 1232);
		ldns_pkt_set_edns_extended_rcode(pkt, (uint8_t)row->extended);
	}
	push(pkt, LDNS_SECTION_ANSWER, row->answer);
	push(pkt, LDNS_SECTION_AUTHORITY, row->authority);
	assert_int_equal(ldns_pkt2wire(&wire, pkt, &len), LDNS_STATUS_OK);
	dns_answer_read(ret, &question, row->recursive, wire, len);
	free(wire);
	ldns_pkt_free(pkt);
}

static void test_an_answer_is_records_or_says_why_it_is_none(void **state)
{
	ldns_rdf *name = ldns_dname_new_frm_str("www.shop.test.");

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct dns_answer answer = {0};
		char *text;

		read_row(&rows[i], name, &answer);
		text = answer.error ? kit_strdup(answer.why) : dns_rrset_text(answer.rrset);
		if (answer.error != rows[i].error ||
		    strncmp(text, rows[i].why, strlen(rows[i].why)) != 0 ||
		    answer.negative_ttl != rows[i].negative_ttl)
			fail_msg("row %zu: %d, %s, %u", i, answer.error, text, answer.negative_ttl);
		free(text);
		dns_rrset_free(answer.rrset);
	}
	ldns_rdf_deep_free(name);
}

static void test_a_broken_answer_is_none(void **state)
{
	static const uint8_t broken[] = {0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0, 3, 'w'};
	ldns_rdf *name = ldns_dname_new_frm_str("www.shop.test.");
	const struct dns_question question = {name, LDNS_RR_TYPE_A};
	struct dns_answer answer = {0};

	(void)state;
	dns_answer_read(&answer, &question, false, broken, sizeof(broken));
	assert_int_equal(answer.error, -EPROTO);
	assert_string_equal(answer.why, "sends a broken answer");
	assert_null(answer.rrset);
	ldns_rdf_deep_free(name);
}

/* What a reply may differ in from its question, one octet of the header or question each. */
static void test_only_a_reply_to_the_very_question_belongs_to_it(void **state)
{
	enum { ID = 1, FLAGS = 2, RCODE = 3, COUNT = 5, NAME = 13, TYPE = 28, CLASS = 30 };
	static const struct {
		const char *what;
		size_t at;
		uint8_t change; /* bits that are the other way round */
		bool belongs;
	} replies[] = {
		{"the reply", RCODE, 0, true},
		{"a name error", RCODE, LDNS_RCODE_NXDOMAIN, true},
		{"another number", ID, 1, false},
		{"a question", FLAGS, 0x80, false},
		{"another operation", FLAGS, 0x28, false},
		{"two questions", COUNT, 3, false},
		{"none, yet without an error", COUNT, 1, false},
		{"another spelling of the name", NAME, 0x20, true},
		{"another name", NAME, 1, false},
		{"another type", TYPE, 0x20, false},
		{"another class", CLASS, 2, false},
	};
	ldns_rdf *name = ldns_dname_new_frm_str("www.shop.test.");
	struct dns_message query = {0};
	uint8_t reply[512];

	(void)state;
	assert_int_equal(dns_query_make(name, LDNS_RR_TYPE_A, false, false, &query), 0);
	assert_int_equal(query.len, CLASS + 1);
	for (size_t i = 0; i < KIT_ARRAY_LEN(replies); i++) {
		memcpy(reply, query.bytes, query.len);
		reply[FLAGS] |= 0x80;
		reply[replies[i].at] ^= replies[i].change;
		if (dns_reply_belongs(&query, reply, query.len) != replies[i].belongs)
			fail_msg("%s", replies[i].what);
	}
	memcpy(reply, query.bytes, query.len);
	reply[FLAGS] |= 0x80;
	for (size_t len = 0; len < query.len; len++)
		assert_false(dns_reply_belongs(&query, reply, len));
	reply[COUNT] = 0; /* who fails may leave the question out */
	reply[RCODE] |= LDNS_RCODE_SERVFAIL;
	assert_true(dns_reply_belongs(&query, reply, 12));
	assert_false(dns_reply_belongs(&query, reply, 11));
	dns_message_done(&query);
	ldns_rdf_deep_free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_is_records_or_says_why_it_is_none),
		cmocka_unit_test(test_a_broken_answer_is_none),
		cmocka_unit_test(test_only_a_reply_to_the_very_question_belongs_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
