/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/dns/change.c and wire.c: the three-way rule, what is written, and the UPDATE
 * that comes of it. */
#include "dns/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* "127.0.0.1 127.0.0.2 @300"; "" is no RRset. */
static struct dns_rrset *set_of(const char *name, ldns_rr_type type, const char *text)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	struct dns_rrset *set = dns_rrset_new(owner, type);
	char *copy = kit_strdup(text), *save = NULL;
	struct kit_why why;

	for (char *v = strtok_r(copy, " ", &save); v; v = strtok_r(NULL, " ", &save))
		if (*v == '@')
			dns_rrset_set_ttl(set, (uint32_t)strtoul(v + 1, NULL, 10));
		else
			assert_int_equal(dns_rrset_add(set, v, owner, &why), 0);
	free(copy);
	ldns_rdf_deep_free(owner);
	return set;
}

static void add(struct dns_changes *changes, ldns_rr_type type, unsigned owns, const char *before,
		const char *now, const char *after)
{
	const char *name = "www.shop.test.";
	struct dns_rrset *was = set_of(name, type, before);
	struct dns_change *change = dns_changes_add(changes, was->owner, type, owns);

	change->before = was;
	change->now = set_of(name, type, now);
	change->after = set_of(name, type, after);
}

static void test_the_three_way_rule_compares_what_is_owned(void **state)
{
	enum { V = DNS_OWNS_VALUES, T = DNS_OWNS_TTL };
	static const struct {
		unsigned owns;
		const char *before, *now, *after;
		enum dns_standing forward, backward;
	} rows[] = {
		{V, "1.1.1.1 @300", "1.1.1.1 @300", "2.2.2.2 @300", DNS_TO_DO, DNS_ALL_THERE},
		{V, "1.1.1.1 @300", "2.2.2.2 @300", "2.2.2.2 @300", DNS_ALL_THERE, DNS_TO_DO},
		{V, "1.1.1.1 @300", "2.2.2.2 @9", "2.2.2.2 @300", DNS_ALL_THERE, DNS_TO_DO},
		{V, "1.1.1.1 @300", "3.3.3.3 @300", "2.2.2.2 @300", DNS_CONFLICT, DNS_CONFLICT},
		{V, "1.1.1.1 @300", "", "2.2.2.2 @300", DNS_CONFLICT, DNS_CONFLICT},
		{V, "", "", "2.2.2.2 @300", DNS_TO_DO, DNS_ALL_THERE},
		{V, "1.1.1.1 @300", "", "", DNS_ALL_THERE, DNS_TO_DO},
		{T, "1.1.1.1 @300", "1.1.1.1 @300", "1.1.1.1 @2", DNS_TO_DO, DNS_ALL_THERE},
		{T, "1.1.1.1 @300", "9.9.9.9 @2", "1.1.1.1 @2", DNS_ALL_THERE, DNS_TO_DO},
		{T, "1.1.1.1 @300", "1.1.1.1 @77", "1.1.1.1 @2", DNS_CONFLICT, DNS_CONFLICT},
		{V | T, "1.1.1.1 @300", "2.2.2.2 @300", "2.2.2.2 @5", DNS_CONFLICT, DNS_TO_DO},
		{V | T, "1.1.1.1 @300", "2.2.2.2 @5", "2.2.2.2 @5", DNS_ALL_THERE, DNS_TO_DO},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct dns_changes changes = {0};
		size_t index = 99;

		add(&changes, LDNS_RR_TYPE_A, rows[i].owns, rows[i].before, rows[i].now,
		    rows[i].after);
		if (dns_changes_standing(&changes, false, &index) != rows[i].forward ||
		    dns_changes_standing(&changes, true, &index) != rows[i].backward)
			fail_msg("row %zu", i);
		if (rows[i].forward == DNS_CONFLICT)
			assert_int_equal(index, 0);
		dns_changes_done(&changes);
	}
}

static void test_what_is_not_owned_is_written_as_it_is(void **state)
{
	enum { V = DNS_OWNS_VALUES, T = DNS_OWNS_TTL };
	static const struct {
		unsigned owns;
		bool backward;
		const char *before, *now, *after, *want;
	} rows[] = {
		{V, false, "1.1.1.1 @300", "1.1.1.1 @2", "2.2.2.2 @300", "2.2.2.2 (ttl 2s)"},
		{V | T, false, "1.1.1.1 @300", "1.1.1.1 @2", "2.2.2.2 @60", "2.2.2.2 (ttl 60s)"},
		{V, false, "", "", "2.2.2.2 @60", "2.2.2.2 (ttl 60s)"},
		{T, false, "1.1.1.1 @300", "9.9.9.9 @300", "1.1.1.1 @2", "9.9.9.9 (ttl 2s)"},
		{T, true, "1.1.1.1 @300", "9.9.9.9 @2", "1.1.1.1 @2", "9.9.9.9 (ttl 300s)"},
		{V, true, "1.1.1.1 @300", "2.2.2.2 @2", "2.2.2.2 @300", "1.1.1.1 (ttl 2s)"},
		{V, true, "1.1.1.1 @2", "2.2.2.2 @300", "2.2.2.2 @300", "1.1.1.1 (ttl 2s)"},
		{V, true, "", "2.2.2.2 @300", "2.2.2.2 @300", "none"},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct dns_changes changes = {0};
		struct dns_rrset *want;
		char *text;

		add(&changes, LDNS_RR_TYPE_A, rows[i].owns, rows[i].before, rows[i].now,
		    rows[i].after);
		want = dns_change_want(&changes, 0, rows[i].backward);
		text = dns_rrset_text(want);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("row %zu: %s", i, text);
		free(text);
		dns_rrset_free(want);
		dns_changes_done(&changes);
	}
}

static void test_records_that_come_back_take_the_low_ttl_of_their_name(void **state)
{
	struct dns_changes changes = {0};
	struct dns_rrset *want;

	(void)state;
	add(&changes, LDNS_RR_TYPE_A, DNS_OWNS_VALUES, "1.1.1.1 @300", "", "");
	add(&changes, LDNS_RR_TYPE_CNAME, DNS_OWNS_VALUES, "", "green.test. @2", "green.test. @2");
	want = dns_change_want(&changes, 0, true);
	assert_int_equal(want->ttl, 2);
	dns_rrset_free(want);
	dns_changes_done(&changes);
}

static void test_saved_changes_come_back_as_they_were(void **state)
{
	struct dns_changes changes = {0}, back = {0};
	struct kit_why why;
	json_t *json;

	(void)state;
	add(&changes, LDNS_RR_TYPE_A, DNS_OWNS_VALUES | DNS_OWNS_TTL, "1.1.1.1 @300", "",
	    "2.2.2.2 @5");
	add(&changes, LDNS_RR_TYPE_CNAME, DNS_OWNS_VALUES, "", "", "");
	changes.list[0].tail_s = 300;
	json = dns_changes_to_json(&changes);
	assert_true(dns_changes_restorable(&changes, json));
	assert_int_equal(dns_changes_from_json(json, &back, &why), 0);
	assert_int_equal(back.n, 2);
	assert_int_equal(back.list[0].owns, DNS_OWNS_VALUES | DNS_OWNS_TTL);
	assert_int_equal(back.list[0].tail_s, 300);
	assert_int_equal(back.list[0].after->ttl, 5);
	assert_true(dns_rrset_same_values(back.list[0].before, changes.list[0].before));
	assert_true(dns_rrset_empty(back.list[1].before));
	json_array_set_new(
		json_object_get(json_object_get(json_array_get(json, 0), "before"), "values"), 0,
		json_string("9.9.9.9"));
	assert_false(dns_changes_restorable(&changes, json));
	json_decref(json);
	dns_changes_done(&changes);
	dns_changes_done(&back);
}

/* The record of the section: "class type ttl rdlength". */
static void expect_record(ldns_rr_list *section, size_t i, ldns_rr_class class, ldns_rr_type type,
			  uint32_t ttl, size_t fields)
{
	ldns_rr *rr = ldns_rr_list_rr(section, i);

	assert_non_null(rr);
	assert_int_equal(ldns_rr_get_class(rr), class);
	assert_int_equal(ldns_rr_get_type(rr), type);
	assert_int_equal(ldns_rr_ttl(rr), ttl);
	assert_int_equal(ldns_rr_rd_count(rr), fields);
}

static struct dns_message update_of(const char *now, const char *want, bool dry)
{
	ldns_rdf *zone = ldns_dname_new_frm_str("shop.test.");
	struct dns_rrset *a = set_of("www.shop.test.", LDNS_RR_TYPE_A, now);
	struct dns_rrset *b = set_of("www.shop.test.", LDNS_RR_TYPE_A, want);
	struct dns_rrset *none = set_of("www.shop.test.", LDNS_RR_TYPE_CNAME, "");
	struct dns_item items[] = {{a, b}, {none, none}};
	struct dns_message message = {0};

	assert_int_equal(dns_update_make(zone, items, 2, dry, &message), 0);
	ldns_rdf_deep_free(zone);
	dns_rrset_free(a);
	dns_rrset_free(b);
	dns_rrset_free(none);
	return message;
}

static void test_an_update_guards_all_and_deletes_before_it_adds(void **state)
{
	struct dns_message message = update_of("1.1.1.1 1.1.1.2 @300", "1.1.1.1 1.1.1.2 @2", false);
	ldns_rr_list *guards, *updates;
	ldns_pkt *pkt = NULL;

	(void)state;
	assert_int_equal(ldns_wire2pkt(&pkt, message.bytes, message.len), LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_get_opcode(pkt), LDNS_PACKET_UPDATE);
	guards = ldns_pkt_answer(pkt);
	updates = ldns_pkt_authority(pkt);
	assert_int_equal(ldns_rr_list_rr_count(guards), 3);
	expect_record(guards, 0, LDNS_RR_CLASS_IN, LDNS_RR_TYPE_A, 0, 1);
	expect_record(guards, 1, LDNS_RR_CLASS_IN, LDNS_RR_TYPE_A, 0, 1);
	expect_record(guards, 2, LDNS_RR_CLASS_NONE, LDNS_RR_TYPE_CNAME, 0, 0);
	assert_int_equal(ldns_rr_list_rr_count(updates), 3);
	expect_record(updates, 0, LDNS_RR_CLASS_ANY, LDNS_RR_TYPE_A, 0, 0);
	expect_record(updates, 1, LDNS_RR_CLASS_IN, LDNS_RR_TYPE_A, 2, 1);
	expect_record(updates, 2, LDNS_RR_CLASS_IN, LDNS_RR_TYPE_A, 2, 1);
	ldns_pkt_free(pkt);
	dns_message_done(&message);
}

static void test_a_dry_or_empty_update_has_guards_alone(void **state)
{
	struct dns_message dry = update_of("1.1.1.1 @300", "2.2.2.2 @300", true);
	struct dns_message same = update_of("1.1.1.1 @300", "1.1.1.1 @300", false);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dns_message *m = i ? &same : &dry;

		assert_int_equal(m->bytes[7], 2); /* prerequisites */
		assert_int_equal(m->bytes[9], 0); /* updates */
		dns_message_done(m);
	}
}

static void test_a_reply_belongs_to_its_request_only(void **state)
{
	struct dns_message m = update_of("1.1.1.1 @300", "2.2.2.2 @300", false);
	uint8_t reply[64];
	size_t len = 12 + 11 + 4; /* header and question of the zone */

	(void)state;
	memcpy(reply, m.bytes, len);
	assert_false(dns_reply_belongs(&m, reply, len)); /* no QR bit */
	reply[2] |= 0x80;
	assert_true(dns_reply_belongs(&m, reply, len));
	reply[13] ^= 0x20; /* a server may answer in another case */
	assert_true(dns_reply_belongs(&m, reply, len));
	reply[13] ^= 0x21;
	assert_false(dns_reply_belongs(&m, reply, len));
	reply[13] ^= 0x01;
	reply[1] ^= 1; /* id */
	assert_false(dns_reply_belongs(&m, reply, len));
	reply[1] ^= 1;
	reply[2] ^= 0x08; /* opcode */
	assert_false(dns_reply_belongs(&m, reply, len));
	reply[2] ^= 0x08;
	assert_false(dns_reply_belongs(&m, reply, len - 1));
	reply[5] = 0; /* the question may be left out */
	assert_true(dns_reply_belongs(&m, reply, 12));
	assert_false(dns_reply_belongs(&m, reply, 11));
	dns_message_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_three_way_rule_compares_what_is_owned),
		cmocka_unit_test(test_what_is_not_owned_is_written_as_it_is),
		cmocka_unit_test(test_records_that_come_back_take_the_low_ttl_of_their_name),
		cmocka_unit_test(test_saved_changes_come_back_as_they_were),
		cmocka_unit_test(test_an_update_guards_all_and_deletes_before_it_adds),
		cmocka_unit_test(test_a_dry_or_empty_update_has_guards_alone),
		cmocka_unit_test(test_a_reply_belongs_to_its_request_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
