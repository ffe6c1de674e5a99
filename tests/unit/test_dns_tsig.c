/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/dns/tsig.c. The known answers were made by another implementation of RFC 8945 on
 * Python's hmac module. */
#include "dns/tsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" /* 0, 1 … 31 */
#define NOW    1700000000

static const char update_hex[] = "1234280000010000000000000473686f7004746573740000060001";

static const struct {
	const char *algorithm, *mac_hex, *reply_hex; /* the reply was signed 5 s later */
} known[] = {
	{"hmac-sha256", "cab3b4e304bd66bb1f269dbaf619b35a20a8d6403bcb418772cf9c866329ff9d",
	 "1234a80000010000000000010473686f7004746573740000060001076375746f7665720000fa00ff000000000"
	 "03d"
	 "0b686d61632d7368613235360000006553f105012c0020d6c5e26c1ca0e8715c62352403762f39db46d4bb482"
	 "b08"
	 "33d062b6839bc86761123400000000"},
	{"hmac-sha384",
	 "09a3ee8cf208acfb3d6ea6a7d835d3930e5b022cf00edae271b915a0009ce2dfbf93b7c2a2ee2045234393a84"
	 "d28"
	 "31a1",
	 "1234a80000010000000000010473686f7004746573740000060001076375746f7665720000fa00ff000000000"
	 "04d"
	 "0b686d61632d7368613338340000006553f105012c0030142c31a1ca12e11fc689fea29682b4f92eb1e902bb2"
	 "47a"
	 "43326a95fee4fb0c549890d838bee86cc05b89892279f98323123400000000"},
	{"hmac-sha512",
	 "0633c4d394d549fa5278deb1c8b93c6b627f9bdafae969f5a0b24a0eb77edc2b3643806ac0d70cac4e7878585"
	 "f01"
	 "a04cad083d50d1c376a541f89db14ca2d798",
	 "1234a80000010000000000010473686f7004746573740000060001076375746f7665720000fa00ff000000000"
	 "05d"
	 "0b686d61632d7368613531320000006553f105012c0040ae3db599a98c53189cc8fa6869c0473f1acf06db482"
	 "b0e"
	 "8f9ab62e577000909640f85df7b2838717901ba34d33d82b4616089c7fe3b74e8fb296f3e3d1b7c0f41234000"
	 "000"
	 "00"},
};

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char octet[3] = {hex[2 * i], hex[2 * i + 1], 0};

		out[i] = (uint8_t)strtoul(octet, NULL, 16);
	}
	return n;
}

static struct tsig_key key_of(const char *algorithm)
{
	struct tsig_key key;
	struct kit_why why;

	if (tsig_key_init(&key, "Cutover.", algorithm, SECRET "\n", &why) < 0)
		fail_msg("%s", why.text);
	return key;
}

static void test_signing_gives_the_known_mac(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(known); i++) {
		struct tsig_key key = key_of(known[i].algorithm);
		uint8_t msg[512], mac[TSIG_MAC_MAX];
		size_t len = from_hex(update_hex, msg), mac_len = from_hex(known[i].mac_hex, mac);
		struct tsig_mac got;

		assert_int_equal(tsig_sign(&key, NOW, msg, &len, sizeof(msg), &got), 0);
		assert_int_equal(got.len, mac_len);
		assert_memory_equal(got.bytes, mac, mac_len);
		assert_memory_equal(msg + len - mac_len - 6, mac, mac_len);
		assert_int_equal(msg[11], 1); /* one more additional record */
	}
}

static void test_a_reply_is_good_for_its_request_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(known); i++) {
		struct tsig_key key = key_of(known[i].algorithm);
		uint8_t reply[512];
		size_t len = from_hex(known[i].reply_hex, reply);
		struct tsig_mac request = {.len = from_hex(known[i].mac_hex, request.bytes)};
		struct tsig_reply said;

		assert_int_equal(tsig_verify(&key, NOW, reply, len, &request, &said), TSIG_GOOD);
		assert_int_equal(said.error, 0);
		assert_int_equal(said.server_time, NOW + 5);
		request.bytes[3] ^= 1;
		assert_int_equal(tsig_verify(&key, NOW, reply, len, &request, &said), TSIG_FOREIGN);
	}
}

static void test_no_changed_octet_goes_unseen(void **state)
{
	struct tsig_key key = key_of(known[0].algorithm);
	struct tsig_mac request = {.len = from_hex(known[0].mac_hex, request.bytes)};
	struct tsig_reply said;
	uint8_t reply[512];
	size_t len = from_hex(known[0].reply_hex, reply);

	(void)state;
	for (size_t bit = 0; bit < len * 8; bit++) {
		/* The id in front is compared by whoever asked: the signature is over the original
		 * one. Letters of names are the same in either case. */
		bool is_case = bit % 8 == 5 && reply[bit / 8] >= 'a' && reply[bit / 8] <= 'z' &&
			       bit / 8 > 27;

		if (bit / 8 < 2 || is_case)
			continue;
		reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (tsig_verify(&key, NOW, reply, len, &request, &said) == TSIG_GOOD)
			fail_msg("bit %zu of octet %zu may be changed", bit % 8, bit / 8);
		reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_a_cut_message_is_never_good(void **state)
{
	struct tsig_key key = key_of(known[0].algorithm);
	struct tsig_mac request = {.len = from_hex(known[0].mac_hex, request.bytes)};
	struct tsig_reply said;
	uint8_t reply[512];
	size_t len = from_hex(known[0].reply_hex, reply);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = kit_calloc(cut, 1); /* a sanitizer sees a read past its end */

		memcpy(exact, reply, cut);
		assert_int_equal(tsig_verify(&key, NOW, exact, cut, &request, &said),
				 TSIG_MALFORMED);
		free(exact);
	}
	reply[len] = 0;
	assert_int_equal(tsig_verify(&key, NOW, reply, len + 1, &request, &said), TSIG_MALFORMED);
}

static void test_a_message_without_signature_is_told_from_a_broken_one(void **state)
{
	struct tsig_key key = key_of(known[0].algorithm);
	struct tsig_mac request = {0};
	struct tsig_reply said;
	uint8_t msg[64];
	size_t len = from_hex(update_hex, msg);

	(void)state;
	assert_int_equal(tsig_verify(&key, NOW, msg, len, &request, &said), TSIG_ABSENT);
	msg[7] = 1; /* promises an answer that is not there */
	assert_int_equal(tsig_verify(&key, NOW, msg, len, &request, &said), TSIG_MALFORMED);
}

static void test_a_signature_of_another_time_is_late(void **state)
{
	struct tsig_key key = key_of(known[0].algorithm);
	struct tsig_mac request = {.len = from_hex(known[0].mac_hex, request.bytes)};
	struct tsig_reply said;
	uint8_t reply[512];
	size_t len = from_hex(known[0].reply_hex, reply);
	const int64_t signed_at = NOW + 5;

	(void)state;
	assert_int_equal(tsig_verify(&key, signed_at + 300, reply, len, &request, &said),
			 TSIG_GOOD);
	assert_int_equal(tsig_verify(&key, signed_at - 300, reply, len, &request, &said),
			 TSIG_GOOD);
	assert_int_equal(tsig_verify(&key, signed_at + 301, reply, len, &request, &said),
			 TSIG_LATE);
	assert_int_equal(tsig_verify(&key, signed_at - 301, reply, len, &request, &said),
			 TSIG_LATE);
}

static void test_signing_needs_room(void **state)
{
	struct tsig_key key = key_of("hmac-sha256");
	uint8_t msg[512];
	size_t len = from_hex(update_hex, msg), before = len;
	struct tsig_mac mac;

	(void)state;
	assert_int_equal(tsig_sign(&key, NOW, msg, &len, len + 79, &mac), -E2BIG);
	assert_int_equal(len, before);
	assert_int_equal(tsig_sign(&key, NOW, msg, &len, len + 80, &mac), 0);
	assert_int_equal(len, before + 80);
}

static void test_keys_that_make_no_sense_are_refused_and_never_shown(void **state)
{
	static const struct {
		const char *name, *algorithm, *secret, *part;
	} rows[] = {
		{"cutover", "hmac-md5", SECRET, "hmac-md5"},
		{"a..b", "hmac-sha256", SECRET, "not a domain name"},
		{"cutover", "hmac-sha256", "", "not base64"},
		{"cutover", "hmac-sha256", "MYSECRET-MYSECRET-MYSECRET-MYSE=", "not base64"},
		{"cutover", "hmac-sha256", "MYSECRETMYSECRETMYSECRETMYSECRE", "not base64"},
		{"cutover", "hmac-sha256", SECRET " MYSECRET", "not base64"},
		{"cutover", "hmac-sha256", "MYSECRETMYSECRET", "only 12 octets"},
	};

	(void)state;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct tsig_key key;
		struct kit_why why;

		assert_int_equal(
			tsig_key_init(&key, rows[i].name, rows[i].algorithm, rows[i].secret, &why),
			-EINVAL);
		if (!strstr(why.text, rows[i].part) || strstr(why.text, "MYSECRET"))
			fail_msg("row %zu: %s", i, why.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signing_gives_the_known_mac),
		cmocka_unit_test(test_a_reply_is_good_for_its_request_only),
		cmocka_unit_test(test_no_changed_octet_goes_unseen),
		cmocka_unit_test(test_a_cut_message_is_never_good),
		cmocka_unit_test(test_a_message_without_signature_is_told_from_a_broken_one),
		cmocka_unit_test(test_a_signature_of_another_time_is_late),
		cmocka_unit_test(test_signing_needs_room),
		cmocka_unit_test(test_keys_that_make_no_sense_are_refused_and_never_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
