/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and encodings against published vectors. */
#include "engine/base/hash.h"

#include "engine/base/alloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_sha256_gives_the_published_digests(void **state)
{
	static const struct {
		const char *text, *hex; /* FIPS 180-4 examples */
	} rows[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		char hex[CUT_SHA256_HEX + 1];

		cut_sha256_hex(rows[i].text, strlen(rows[i].text), hex);
		assert_string_equal(hex, rows[i].hex);
	}
}

static void test_sha256_of_a_file_is_that_of_its_bytes(void **state)
{
	char path[] = "/tmp/cutover-hash-XXXXXX", *data = cut_calloc(1, 200001);
	char of_file[CUT_SHA256_HEX + 1] = "untouched", of_data[CUT_SHA256_HEX + 1];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	memset(data, 'a', 200001);
	assert_int_equal(write(fd, data, 200001), 200001);
	close(fd);
	cut_sha256_hex(data, 200001, of_data);
	assert_int_equal(cut_sha256_file(path, of_file), 0);
	assert_string_equal(of_file, of_data);
	unlink(path);
	free(data);

	strcpy(of_file, "untouched");
	assert_int_equal(cut_sha256_file(path, of_file), -ENOENT);
	assert_int_equal(cut_sha256_file("/", of_file), -EISDIR);
	assert_string_equal(of_file, "untouched");
}

static void test_base32_follows_rfc_4648(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"f", "my"},
		{"fo", "mzxq"},
		{"foo", "mzxw6"},
		{"foob", "mzxw6yq"},
		{"fooba", "mzxw6ytb"},
		{"foobar", "mzxw6ytboi"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		char out[32];

		cut_base32((const uint8_t *)rows[i][0], strlen(rows[i][0]), out);
		assert_string_equal(out, rows[i][1]);
	}
}

static void test_hex_is_lower_case(void **state)
{
	char out[9];

	cut_hex((const uint8_t *)"\x00\x7f\xab\xff", 4, out);
	assert_string_equal(out, "007fabff");
}

static void test_hash64_spreads_and_reads_every_byte(void **state)
{
	char key[100] = {0};

	for (size_t len = 1; len <= sizeof(key); len++) {
		uint64_t plain = cut_hash64(key, len);

		assert_true(plain != cut_hash64(key, len - 1));
		assert_true(plain == cut_hash64(key, len));
		for (size_t i = 0; i < len; i++) {
			key[i] = 1;
			assert_true(plain != cut_hash64(key, len));
			key[i] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_gives_the_published_digests),
		cmocka_unit_test(test_sha256_of_a_file_is_that_of_its_bytes),
		cmocka_unit_test(test_base32_follows_rfc_4648),
		cmocka_unit_test(test_hex_is_lower_case),
		cmocka_unit_test(test_hash64_spreads_and_reads_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
