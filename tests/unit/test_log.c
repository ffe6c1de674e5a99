/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink: lines, levels, and secrets that cannot reach it. */
#include "engine/base/log.h"

#include "engine/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <openssl/evp.h>

#include <cmocka.h>

static int fds[2];
static char line[65536];

static const char *read_line(void)
{
	ssize_t n = read(fds[0], line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static int open_pipe(void **state)
{
	cut_log_open(-1, CUT_LOG_DEBUG, "t");
	return pipe2(fds, O_NONBLOCK);
}

static int close_pipe(void **state)
{
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static void test_a_line_has_time_level_name_event_and_pairs(void **state)
{
	cut_log(CUT_LOG_ERROR, "before", "nobody=listens");
	cut_log_open(fds[1], CUT_LOG_INFO, "cutover");
	cut_log(CUT_LOG_WARN, "host_gone", "plugin=%s pid=%d", "dns", 7);
	read_line();
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	assert_string_equal(line + 24, " warn cutover host_gone plugin=dns pid=7\n");
}

static void test_lines_below_the_level_are_dropped(void **state)
{
	cut_log_open(fds[1], CUT_LOG_WARN, "t");
	cut_log(CUT_LOG_INFO, "e", "x=1");
	assert_string_equal(read_line(), "");
	cut_log(CUT_LOG_WARN, "e", "x=1");
	assert_string_not_equal(read_line(), "");
	cut_log_open(-1, CUT_LOG_DEBUG, "t");
	cut_log(CUT_LOG_ERROR, "e", "x=1");
	assert_string_equal(read_line(), "");
}

static void test_an_event_is_one_line_whatever_is_in_it(void **state)
{
	static char text[40000];

	cut_log_open(fds[1], CUT_LOG_INFO, "t");
	cut_log(CUT_LOG_INFO, "e", "x=%s", "a\nb\r\tc\x1b[31m");
	read_line();
	assert_non_null(strstr(line, "x=a b  c [31m\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	memset(text, 'x', sizeof(text) - 1);
	cut_log(CUT_LOG_INFO, "e", "x=%s", text);
	read_line();
	assert_in_range(strlen(line), 16384, 16400);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void expect_redacted(const char *text, const char *want)
{
	char copy[1024] = {0};

	strncpy(copy, text, sizeof(copy) - 1);
	cut_log_redact(copy);
	assert_string_equal(copy, want);
}

static void test_a_secret_is_hidden_in_all_its_forms(void **state)
{
	static const char secret[] = "p\"ss w/rd+1\xc3\xa9";

	cut_log_secret(secret, strlen(secret));
	expect_redacted(secret, "***");
	expect_redacted("a=p\"ss w/rd+1\xc3\xa9;b=p\"ss w/rd+1\xc3\xa9", "a=***;b=***");
	expect_redacted("{\"k\":\"p\\\"ss w/rd+1\xc3\xa9\"}", "{\"k\":\"***\"}");
	expect_redacted("?k=p%22ss%20w%2Frd%2B1%C3%A9&", "?k=***&");
	expect_redacted("?k=p%22ss%20w%2frd%2b1%c3%a9&", "?k=***&");
	expect_redacted("?k=p%22ss+w%2Frd%2B1%C3%A9&", "?k=***&");
	expect_redacted("7022737320772f72642b31c3a9 7022737320772F72642B31C3A9", "*** ***");
	expect_redacted("p\"ss w/rd+2", "p\"ss w/rd+2");
	expect_redacted("", "");
}

static void test_base64_is_hidden_wherever_the_secret_starts(void **state)
{
	static const char secret[] = "hunter2>>>???~~~";
	static const char *const before[] = {"", "u", "us", "user:", "admin:", "a longer name:"};

	cut_log_secret(secret, strlen(secret));
	for (size_t i = 0; i < CUT_ARRAY_LEN(before); i++) {
		char plain[100] = {0}, coded[200] = {0}, shorter[200] = {0};
		size_t len;

		strcat(strcat(plain, before[i]), secret);
		strcat(plain, "@host");
		len = (size_t)EVP_EncodeBlock((unsigned char *)coded, (unsigned char *)plain,
					      (int)strlen(plain));
		strcpy(shorter, coded);
		cut_log_redact(shorter);
		assert_non_null(strstr(shorter, "***"));
		/* All but the letters that it shares with its neighbours are gone. */
		assert_true(strlen(shorter) <= len - strlen(secret) * 8 / 6 + 3 + 2);
		for (char *c = coded; *c; c++)
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
		cut_log_redact(coded);
		assert_non_null(strstr(coded, "***"));
	}
}

static void test_the_longest_form_wins(void **state)
{
	cut_log_secret("longsecret", 10);
	cut_log_secret("longsecretandmore", 17);
	cut_log_secret("longsecret", 10);
	expect_redacted("longsecretandmore longsecretand", "*** ***and");
}

static void test_short_values_are_not_secrets(void **state)
{
	cut_log_secret("abc", 3);
	expect_redacted("abc", "abc");
	cut_log_secret("wxyz", 4);
	expect_redacted("wxyz", "***");
}

static void test_no_line_carries_a_secret_even_where_it_is_cut(void **state)
{
	static const char secret[] = "s3cret\nvalue";
	static char text[16500];

	cut_log_secret(secret, strlen(secret));
	cut_log_open(fds[1], CUT_LOG_INFO, "t");
	for (size_t pad = 16320; pad < 16390; pad++) {
		memset(text, '.', pad);
		strcpy(text + pad, secret);
		cut_log(CUT_LOG_INFO, "e", "x=%s", text);
		assert_null(strstr(read_line(), "s3c"));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pipe, close_pipe)
	const struct CMUnitTest tests[] = {
		TEST(test_a_line_has_time_level_name_event_and_pairs),
		TEST(test_lines_below_the_level_are_dropped),
		TEST(test_an_event_is_one_line_whatever_is_in_it),
		TEST(test_a_secret_is_hidden_in_all_its_forms),
		TEST(test_base64_is_hidden_wherever_the_secret_starts),
		TEST(test_the_longest_form_wins),
		TEST(test_short_values_are_not_secrets),
		TEST(test_no_line_carries_a_secret_even_where_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
