/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: whole, in pieces, and garbage. */
#include "engine/base/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_frames_come_out_as_they_went_in_whatever_the_pieces(void **state)
{
	for (size_t piece = 1; piece < 40; piece++) {
		cut_auto(cut_buf) struct cut_buf wire = {0}, in = {0};
		size_t at = 0;
		int64_t seen = 0;

		for (int i = 0; i < 5; i++) {
			cut_auto(cut_json) json_t *m =
				json_pack("{s:i, s:s}", "id", i, "op", "apply");

			assert_int_equal(cut_frame_write(&wire, m), 0);
		}
		while (at < wire.len) {
			size_t len = piece < wire.len - at ? piece : wire.len - at;
			json_t *m;

			cut_buf_add(&in, wire.data + at, len);
			at += len;
			while (cut_frame_read(&in, &m, NULL) == 1) {
				assert_int_equal(cut_json_int(m, "id", -1), seen++);
				assert_string_equal(cut_json_str(m, "op", ""), "apply");
				json_decref(m);
			}
		}
		assert_int_equal(seen, 5);
		assert_int_equal(in.len, 0);
	}
}

static void test_the_length_is_big_endian(void **state)
{
	cut_auto(cut_buf) struct cut_buf wire = {0};
	cut_auto(cut_json) json_t *m = json_pack("{s:o}", "x", json_stringn("", 0));
	char text[300];

	memset(text, 'a', sizeof(text));
	json_object_set_new(m, "x", json_stringn(text, sizeof(text)));
	cut_frame_write(&wire, m);
	assert_memory_equal(wire.data, "\0\0\x01\x34{", 5);
}

static void test_a_message_too_large_is_not_sent_at_all(void **state)
{
	cut_auto(cut_buf) struct cut_buf wire = {0};
	cut_auto(cut_json) json_t *m = json_object();
	char *text = cut_calloc(1, CUT_FRAME_MAX_BYTES);

	/* {"x":"…"} is 8 bytes around the text. */
	memset(text, 'a', CUT_FRAME_MAX_BYTES - 8);
	json_object_set_new(m, "x", json_string(text));
	assert_int_equal(cut_frame_write(&wire, m), 0);
	assert_int_equal(wire.len, 4 + CUT_FRAME_MAX_BYTES);
	text[CUT_FRAME_MAX_BYTES - 8] = 'a';
	json_object_set_new(m, "x", json_string(text));
	assert_int_equal(cut_frame_write(&wire, m), -E2BIG);
	assert_int_equal(wire.len, 4 + CUT_FRAME_MAX_BYTES);
	assert_int_equal(wire.error, 0);
	free(text);
}

static void test_garbage_ends_the_link(void **state)
{
	char deep[4 + 200] = "\0\0\0\xc8";
	const struct {
		const char *bytes;
		size_t len;
		int want;
	} rows[] = {
		{"", 0, 0},
		{"\0\0\0", 3, 0},
		{"\0\0\0\2{", 5, 0},
		{"\0\0\0\2{}", 6, 1},
		{"\0\0\0\2{}{", 7, 1},
		{"\0\0\0\2[]", 6, -EPROTO},
		{"\0\0\0\1"
		 "1",
		 5, -EPROTO},
		{"\0\0\0\0", 4, -EPROTO},
		{"\0\0\0\2{x", 6, -EPROTO},
		{"\0\0\0\3{}x", 7, -EPROTO},
		{"\0\0\0\x0d{\"a\":1,\"a\":2}", 17, -EPROTO},
		{"\0\0\0\x09{\"a\":\"\xff\"}", 13, -EPROTO},
		{"\0\x10\0\1", 4, -E2BIG},
		{"\0\x10\0\0", 4, 0},
		{"HTTP", 4, -E2BIG},
		{deep, sizeof(deep), -EPROTO},
	};

	for (size_t i = 0; i < 100; i++) {
		deep[4 + i] = '[';
		deep[104 + i] = ']';
	}
	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_buf) struct cut_buf in = {0};
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_json) json_t *m = NULL;

		cut_buf_add(&in, rows[i].bytes, rows[i].len);
		assert_int_equal(cut_frame_read(&in, &m, &err), rows[i].want);
		assert_int_equal(m != NULL, rows[i].want == 1);
		assert_int_equal(err.what != NULL, rows[i].want < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_come_out_as_they_went_in_whatever_the_pieces),
		cmocka_unit_test(test_the_length_is_big_endian),
		cmocka_unit_test(test_a_message_too_large_is_not_sent_at_all),
		cmocka_unit_test(test_garbage_ends_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
