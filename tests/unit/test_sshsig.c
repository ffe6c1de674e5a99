/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys and signatures of OpenSSH: those that hold, and every way in which one does not. */
#include "engine/base/sshsig.h"

#include "engine/base/base64.h"
#include "engine/base/hash.h"
#include "engine/base/signkey.h"
#include "tests/unit/sshsig_vectors.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define PURPOSE "cutover-approval@v1"

static int verify(const char *signature, const char *text, const char *purpose,
		  struct cut_sshkey **ret, char **ret_why)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int r = cut_sshsig_verify(signature, strlen(signature), purpose, text, strlen(text), ret,
				  &err);

	if (ret_why)
		*ret_why = cut_take(err.why);
	return r;
}

static void test_what_ssh_keygen_signed_is_verified_and_its_key_told(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(vectors); i++) {
		cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;

		assert_int_equal(verify(vectors[i].signature, MESSAGE, PURPOSE, &key, NULL), 0);
		assert_string_equal(cut_sshkey_fingerprint(key), vectors[i].fingerprint);
	}
}

static void test_a_changed_text_or_another_purpose_is_refused(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(vectors); i++) {
		cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;
		cut_auto(cut_str) char *text = cut_strdup(MESSAGE), *why = NULL;

		for (size_t at = 0; at < strlen(MESSAGE); at++) {
			text[at] ^= 1;
			assert_int_equal(verify(vectors[i].signature, text, PURPOSE, &key, NULL),
					 -EBADMSG);
			text[at] ^= 1;
		}
		assert_int_equal(verify(vectors[i].signature, MESSAGE, "file", &key, &why),
				 -EBADMSG);
		assert_non_null(strstr(why, "another purpose"));
		assert_null(key);
	}
}

/* Every byte of the signature counts, or what it says is the same. */
static void test_no_changed_byte_of_a_signature_makes_another_key_of_it(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(vectors); i++) {
		cut_auto(cut_str) char *armor = cut_strdup(vectors[i].signature);
		size_t held = 0;

		for (size_t at = 0; at < strlen(vectors[i].signature); at++) {
			cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;

			armor[at] = armor[at] == 'A' ? 'B' : 'A';
			if (verify(armor, MESSAGE, PURPOSE, &key, NULL) == 0) {
				assert_string_equal(cut_sshkey_fingerprint(key),
						    vectors[i].fingerprint);
				held++; /* unused bits of the last digit, text after the end */
			}
			armor[at] = vectors[i].signature[at];
		}
		assert_true(held <= 2);
	}
}

static void test_a_cut_signature_is_refused_wherever_it_ends(void **state)
{
	const char *whole = vectors[0].signature;

	for (size_t len = 0; len + 1 < strlen(whole); len++) {
		cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;

		assert_int_equal(cut_sshsig_verify(whole, len, PURPOSE, MESSAGE, strlen(MESSAGE),
						   &key, NULL),
				 -EBADMSG);
	}
}

static void test_public_keys_are_read_as_their_files_have_them(void **state)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(vectors); i++) {
		cut_auto(cut_str) char *line = cut_printf(" %s\n", vectors[i].public);
		cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;

		assert_int_equal(cut_sshkey_parse(line, strlen(line), &key, NULL), 0);
		assert_string_equal(cut_sshkey_fingerprint(key), vectors[i].fingerprint);
	}
}

static void test_what_is_no_public_key_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"ssh-ed25519",
		"ssh-ed25519 ",
		"ssh-ed25519 !!!!",
		"ssh-ed25519 AAAA",
		"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIL/QIxkoWk1S5kXlBIz4LjMp56QFbpN7jsfleiLhTqkX",
		"ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAIL/QIxkoWk1S5kXlBIz4LjMp56QFbpN7jsfleiLhTqkXAAAA",
		"AAAAC3NzaC1lZDI1NTE5AAAAIL/QIxkoWk1S5kXlBIz4LjMp56QFbpN7jsfleiLhTqkX",
		"-----BEGIN OPENSSH PRIVATE KEY-----",
		/* RSA of 1024 bits */
		"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC/C+KCcSa4b9V6Q1nmiVVBF0LtGGfH+f"
		"Bl4g4stEJlHPNshnqK1wI+amPXBpQAB5q+l8jb3mqJhTgg5OZxkdDIIyiq5+4fmwT9HyXn"
		"0aiyR6rLlUzHhJkdHs7Ml58MwgREF0swrUJMPCmAqgPYjDQLFc6Zec0ZCg87k8wL0tur8Q"
		"==",
		"ssh-dss "
		"AAAAB3NzaC1kc3MAAACBAP1/U4EddRIpUt9KnC7s5Of2EbdSPO9EAMMeP4C2USZpRV1AIlH7WT2NWPq/",
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;
		cut_auto(cut_err) struct cut_err err = {0};

		assert_int_equal(cut_sshkey_parse(rows[i], strlen(rows[i]), &key, &err), -EINVAL);
		assert_null(key);
		assert_non_null(err.what);
	}
}

/* --- a security key of our own making: the private half of any Ed25519 key --- */

static void armor(const struct cut_buf *blob, struct cut_buf *out)
{
	cut_buf_add_str(out, "-----BEGIN SSH SIGNATURE-----\n");
	cut_base64(blob->data, blob->len, out);
	cut_buf_add_str(out, "\n-----END SSH SIGNATURE-----\n");
}

static void put_text(struct cut_buf *out, const char *text)
{
	cut_wire_put_string(out, text, strlen(text));
}

static const char sk_type[] = "sk-ssh-ed25519@openssh.com";

static void sk_public(const struct cut_signkey *key, const char *application, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf line = {0}, blob = {0};

	cut_signkey_public(key, &line);
	assert_int_equal(cut_base64_decode(line.data + 12, line.len - 12, &blob), 0);
	put_text(out, sk_type);
	cut_wire_put_string(out, blob.data + blob.len - 32, 32);
	put_text(out, application);
}

static void sk_sign(const struct cut_signkey *key, uint8_t flags, struct cut_buf *out)
{
	cut_auto(cut_buf) struct cut_buf public = {0}, text = {0}, seen = {0}, blob = {0},
					 made = {0};
	uint8_t digest[CUT_SHA256_BYTES], signature[CUT_SIGNATURE_BYTES];

	cut_sha256(MESSAGE, strlen(MESSAGE), digest);
	cut_buf_add_str(&text, "SSHSIG");
	put_text(&text, PURPOSE);
	put_text(&text, "");
	put_text(&text, "sha256");
	cut_wire_put_string(&text, digest, sizeof(digest));

	cut_sha256("ssh:", 4, digest);
	cut_buf_add(&seen, digest, sizeof(digest));
	cut_buf_add(&seen, &flags, 1);
	cut_wire_put_u32(&seen, 7);
	cut_sha256(text.data, text.len, digest);
	cut_buf_add(&seen, digest, sizeof(digest));
	cut_signkey_sign(key, seen.data, seen.len, signature);

	put_text(&made, sk_type);
	cut_wire_put_string(&made, signature, sizeof(signature));
	cut_buf_add(&made, &flags, 1);
	cut_wire_put_u32(&made, 7);

	sk_public(key, "ssh:", &public);
	cut_buf_add_str(&blob, "SSHSIG");
	cut_wire_put_u32(&blob, 1);
	cut_wire_put_string(&blob, public.data, public.len);
	put_text(&blob, PURPOSE);
	put_text(&blob, "");
	put_text(&blob, "sha256");
	cut_wire_put_string(&blob, made.data, made.len);
	armor(&blob, out);
}

static void test_a_security_key_counts_only_where_it_was_touched(void **state)
{
	cut_auto(cut_signkey) struct cut_signkey *key = cut_signkey_new();
	cut_auto(cut_buf) struct cut_buf touched = {0}, untouched = {0};
	cut_auto(cut_sshkey) struct cut_sshkey *signer = NULL, *nobody = NULL;

	sk_sign(key, 1, &touched);
	sk_sign(key, 0, &untouched);
	assert_int_equal(verify(touched.data, MESSAGE, PURPOSE, &signer, NULL), 0);
	assert_int_equal(verify(touched.data, "other", PURPOSE, &nobody, NULL), -EBADMSG);
	assert_int_equal(verify(untouched.data, MESSAGE, PURPOSE, &nobody, NULL), -EBADMSG);
}

/* --- our own key --- */

static void test_a_key_is_the_same_after_writing_and_reading(void **state)
{
	cut_auto(cut_signkey) struct cut_signkey *key = cut_signkey_new(), *again = NULL;
	cut_auto(cut_buf) struct cut_buf pem = {0}, line = {0}, line_again = {0};
	cut_auto(cut_sshkey) struct cut_sshkey *public = NULL;
	uint8_t signature[CUT_SIGNATURE_BYTES];
	struct cut_wire wire = {signature, sizeof(signature)};

	cut_signkey_pem(key, &pem);
	again = cut_signkey_read(pem.data, pem.len);
	assert_non_null(again);
	cut_signkey_public(key, &line);
	cut_signkey_public(again, &line_again);
	assert_string_equal(line.data, line_again.data);
	assert_int_equal(cut_sshkey_parse(line.data, line.len, &public, NULL), 0);
	cut_signkey_sign(again, "seal", 4, signature);
	assert_true(cut_sshkey_signed_raw(public, wire, "seal", 4));
	assert_false(cut_sshkey_signed_raw(public, wire, "sead", 4));
	wire.len--;
	assert_false(cut_sshkey_signed_raw(public, wire, "seal", 4));
	assert_null(cut_signkey_read(pem.data, pem.len / 2));
	assert_null(cut_signkey_read("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_ssh_keygen_signed_is_verified_and_its_key_told),
		cmocka_unit_test(test_a_changed_text_or_another_purpose_is_refused),
		cmocka_unit_test(test_no_changed_byte_of_a_signature_makes_another_key_of_it),
		cmocka_unit_test(test_a_cut_signature_is_refused_wherever_it_ends),
		cmocka_unit_test(test_public_keys_are_read_as_their_files_have_them),
		cmocka_unit_test(test_what_is_no_public_key_is_refused),
		cmocka_unit_test(test_a_security_key_counts_only_where_it_was_touched),
		cmocka_unit_test(test_a_key_is_the_same_after_writing_and_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
