/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/dns/rrset.c. */
#include "dns/rrset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static ldns_rdf *name_of(const char *text)
{
	ldns_rdf *name = ldns_dname_new_frm_str(text);

	assert_non_null(name);
	return name;
}

/* values: one a line. */
static struct dns_rrset *set_of(ldns_rr_type type, const char *values, struct kit_why *why)
{
	ldns_rdf *zone = name_of("shop.test."), *owner = name_of("www.shop.test.");
	struct dns_rrset *set = dns_rrset_new(owner, type);
	char *copy = kit_strdup(values), *save = NULL;
	int r = 0;

	for (char *v = strtok_r(copy, "\n", &save); v && r == 0; v = strtok_r(NULL, "\n", &save))
		r = dns_rrset_add(set, v, zone, why);
	free(copy);
	ldns_rdf_deep_free(zone);
	ldns_rdf_deep_free(owner);
	if (r == 0)
		return set;
	dns_rrset_free(set);
	return NULL;
}

static void test_names_are_relative_unless_they_say_otherwise(void **state)
{
	static const struct {
		const char *text, *name; /* NULL: refused */
	} rows[] = {
		{"www", "www.shop.test."},
		{"WWW", "www.shop.test."},
		{"www.eu", "www.eu.shop.test."},
		{"www.shop.test", "www.shop.test."},
		{"www.shop.test.", "www.shop.test."},
		{"@", "shop.test."},
		{"shop.test", "shop.test."},
		{"xshop.test", "xshop.test.shop.test."},
		{"*.www", "*.www.shop.test."},
		{"www.other.test.", NULL},
		{"", NULL},
		{".", NULL},
		{"a..b", NULL},
		{".a", NULL},
		{"a b", NULL},
		{"a\nb", NULL},
		{"0123456789012345678901234567890123456789012345678901234567890123", NULL},
	};
	ldns_rdf *zone = name_of("shop.test.");

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		char text[DNS_NAME_TEXT];
		ldns_rdf *name = NULL;
		struct kit_why why;
		int r = dns_name_parse(rows[i].text, zone, &name, &why);

		if ((r == 0) != (rows[i].name != NULL))
			fail_msg("\"%s\" gives %d", rows[i].text, r);
		if (r == 0)
			assert_string_equal(dns_name_text(name, text), rows[i].name);
		ldns_rdf_deep_free(name);
	}
	ldns_rdf_deep_free(zone);
}

static void test_values_are_read_as_in_a_zone_file_but_never_beyond_one(void **state)
{
	static const struct {
		ldns_rr_type type;
		const char *value, *shown; /* NULL: refused */
	} rows[] = {
		{LDNS_RR_TYPE_A, "127.0.0.1", "127.0.0.1"},
		{LDNS_RR_TYPE_A, "::1", NULL},
		{LDNS_RR_TYPE_A, "127.0.0.256", NULL},
		{LDNS_RR_TYPE_A, "127.0.0.1 127.0.0.2", NULL},
		{LDNS_RR_TYPE_A, "127.0.0.1 ; x", NULL},
		{LDNS_RR_TYPE_A, "127.0.0.1\tx", NULL},
		{LDNS_RR_TYPE_AAAA, "0:0::1", "::1"},
		{LDNS_RR_TYPE_AAAA, "127.0.0.1", NULL},
		{LDNS_RR_TYPE_CNAME, "green", "green.shop.test."},
		{LDNS_RR_TYPE_CNAME, "lb.example.com", "lb.example.com."},
		{LDNS_RR_TYPE_CNAME, "lb.example.com.", "lb.example.com."},
		{LDNS_RR_TYPE_CNAME, "a b", NULL},
		{LDNS_RR_TYPE_MX, "10 mail.shop.test.", "10 mail.shop.test."},
		{LDNS_RR_TYPE_TXT, "\"a; (b)\"", "\"a; (b)\""},
		{LDNS_RR_TYPE_TXT, "\"a", NULL},
		{LDNS_RR_TYPE_TXT, "a (", NULL},
		{LDNS_RR_TYPE_SRV, "1 2 443 www.shop.test.", "1 2 443 www.shop.test."},
		{LDNS_RR_TYPE_CAA, "0 issue \"ca.test\"", "0 issue \"ca.test\""},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct kit_why why;
		struct dns_rrset *set = set_of(rows[i].type, rows[i].value, &why);
		json_t *json;

		if ((set != NULL) != (rows[i].shown != NULL))
			fail_msg("%s %s", dns_type_text(rows[i].type), rows[i].value);
		if (!set)
			continue;
		json = dns_rrset_to_json(set);
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(json, "values"), 0)),
			rows[i].shown);
		json_decref(json);
		dns_rrset_free(set);
	}
}

static void test_a_set_has_each_value_once_and_one_cname(void **state)
{
	struct kit_why why;

	(void)state;
	assert_null(set_of(LDNS_RR_TYPE_A, "127.0.0.1\n127.0.0.1", &why));
	assert_non_null(strstr(why.text, "twice"));
	assert_null(set_of(LDNS_RR_TYPE_CNAME, "a\nb", &why));
	assert_non_null(strstr(why.text, "only one CNAME"));
}

static void test_sets_are_equal_whatever_order_case_and_ttl(void **state)
{
	static const struct {
		ldns_rr_type type;
		const char *a, *b;
		bool same;
	} rows[] = {
		{LDNS_RR_TYPE_A, "127.0.0.1\n127.0.0.2", "127.0.0.2\n127.0.0.1", true},
		{LDNS_RR_TYPE_A, "127.0.0.1\n127.0.0.2", "127.0.0.1", false},
		{LDNS_RR_TYPE_A, "127.0.0.1", "127.0.0.2", false},
		{LDNS_RR_TYPE_AAAA, "::1", "0:0:0:0:0:0:0:1", true},
		{LDNS_RR_TYPE_CNAME, "LB.Example.com.", "lb.example.com.", true},
		{LDNS_RR_TYPE_MX, "10 A.shop.test.", "10 a.shop.test.", true},
		{LDNS_RR_TYPE_MX, "10 a.shop.test.", "20 a.shop.test.", false},
		{LDNS_RR_TYPE_TXT, "\"A\"", "\"a\"", false},
		{LDNS_RR_TYPE_TXT, "\"a\" \"b\"", "\"ab\"", false},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct kit_why why;
		struct dns_rrset *a = set_of(rows[i].type, rows[i].a, &why);
		struct dns_rrset *b = set_of(rows[i].type, rows[i].b, &why);

		dns_rrset_set_ttl(b, 77);
		if (dns_rrset_same_values(a, b) != rows[i].same)
			fail_msg("row %zu: %s", i, rows[i].a);
		dns_rrset_free(a);
		dns_rrset_free(b);
	}
}

static void test_a_set_reads_the_same_in_whatever_order_its_values_came(void **state)
{
	struct kit_why why;
	struct dns_rrset *a = set_of(LDNS_RR_TYPE_A, "127.0.0.2\n127.0.0.3\n127.0.0.1", &why);
	struct dns_rrset *b = set_of(LDNS_RR_TYPE_A, "127.0.0.1\n127.0.0.2\n127.0.0.3", &why);
	char *x = dns_rrset_text(a), *y = dns_rrset_text(b);

	(void)state;
	assert_string_equal(x, y);
	free(x);
	free(y);
	dns_rrset_free(a);
	dns_rrset_free(b);
}

static void test_json_brings_back_what_was_saved(void **state)
{
	static const struct {
		ldns_rr_type type;
		const char *values;
	} rows[] = {
		{LDNS_RR_TYPE_A, "127.0.0.1\n127.0.0.2"},
		{LDNS_RR_TYPE_A, ""},
		{LDNS_RR_TYPE_TXT, "\"q\\\"; \\\\ (x\" \"two\""},
		{LDNS_RR_TYPE_SRV, "1 2 443 www.shop.test."},
		{LDNS_RR_TYPE_TLSA,
		 "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
		{LDNS_RR_TYPE_CAA, "0 iodef \"mailto:a@b.test\""},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct kit_why why;
		struct dns_rrset *set = set_of(rows[i].type, rows[i].values, &why), *back = NULL;
		json_t *json;

		if (!set)
			fail_msg("row %zu: %s", i, why.text);
		dns_rrset_set_ttl(set, 60);
		json = dns_rrset_to_json(set);
		if (dns_rrset_from_json(json, set->owner, set->type, &back, &why) < 0)
			fail_msg("row %zu: %s", i, why.text);
		assert_true(dns_rrset_same_values(set, back));
		assert_int_equal(back->ttl, 60);
		json_decref(json);
		dns_rrset_free(set);
		dns_rrset_free(back);
	}
}

static void test_saved_state_of_another_form_is_refused(void **state)
{
	static const char *const rows[] = {
		"{}",
		"{\"ttl\": 1}",
		"{\"ttl\": \"1\", \"values\": []}",
		"{\"ttl\": 1, \"values\": [1]}",
		"{\"ttl\": 1, \"values\": [\"x\"]}",
		"[]",
	};
	ldns_rdf *owner = name_of("www.shop.test.");

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		json_t *json = json_loads(rows[i], 0, NULL);
		struct dns_rrset *back = NULL;
		struct kit_why why;

		assert_true(dns_rrset_from_json(json, owner, LDNS_RR_TYPE_A, &back, &why) < 0);
		assert_null(back);
		json_decref(json);
	}
	ldns_rdf_deep_free(owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_relative_unless_they_say_otherwise),
		cmocka_unit_test(test_values_are_read_as_in_a_zone_file_but_never_beyond_one),
		cmocka_unit_test(test_a_set_has_each_value_once_and_one_cname),
		cmocka_unit_test(test_sets_are_equal_whatever_order_case_and_ttl),
		cmocka_unit_test(test_a_set_reads_the_same_in_whatever_order_its_values_came),
		cmocka_unit_test(test_json_brings_back_what_was_saved),
		cmocka_unit_test(test_saved_state_of_another_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
