/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a state directory: made once, and refused where others could have had it. */
#include "engine/runtime/sealkey.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static char *in_dir(const char *name)
{
	return cut_printf("%s/%s", dir, name);
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/cut-test-sealkey-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"seal.key", "seal.pub", "other"};

	for (size_t i = 0; i < CUT_ARRAY_LEN(names); i++) {
		cut_auto(cut_str) char *path = in_dir(names[i]);

		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0); /* and nothing else was left there */
	return 0;
}

static char *public_line(void)
{
	cut_auto(cut_signkey) struct cut_signkey *key = NULL;
	struct cut_buf line = {0};

	assert_int_equal(cut_sealkey_open(dir, &key, NULL), 0);
	cut_signkey_public(key, &line);
	return cut_buf_take(&line);
}

static void test_the_key_is_made_once_and_for_its_owner_only(void **state)
{
	cut_auto(cut_str) char *first = public_line(), *second = public_line(), *path = NULL;
	cut_auto(cut_sealkeys) struct cut_sealkeys trusted = {0};
	struct stat st;

	assert_string_equal(first, second);
	path = in_dir("seal.key");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(cut_sealkeys_of_state(dir, &trusted, NULL), 0);
	assert_int_equal(trusted.len, 1);
}

static void test_engines_that_start_together_have_one_key(void **state)
{
	cut_auto(cut_str) char *line = NULL;
	pid_t pids[8];
	int pipes[2];
	char told[8][128];

	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct cut_signkey *key = NULL;
			struct cut_buf own = {0};
			char fixed[128] = "none";

			if (cut_sealkey_open(dir, &key, NULL) == 0) {
				cut_signkey_public(key, &own);
				snprintf(fixed, sizeof(fixed), "%s", own.data);
			}
			_exit(write(pipes[1], fixed, sizeof(fixed)) == sizeof(fixed) ? 0 : 1);
		}
	}
	for (int i = 0; i < 8; i++)
		waitpid(pids[i], NULL, 0);
	line = public_line();
	for (int i = 0; i < 8; i++) {
		assert_int_equal(read(pipes[0], told[i], sizeof(told[i])), sizeof(told[i]));
		assert_string_equal(told[i], line);
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void test_a_replaced_key_stays_known_to_the_audit(void **state)
{
	cut_auto(cut_str) char *first = public_line(), *path = in_dir("seal.key"), *second = NULL;
	cut_auto(cut_sealkeys) struct cut_sealkeys trusted = {0};

	unlink(path);
	second = public_line();
	assert_string_not_equal(first, second);
	assert_int_equal(cut_sealkeys_of_state(dir, &trusted, NULL), 0);
	assert_int_equal(trusted.len, 2);
}

static void refused(int code, const char *why)
{
	cut_auto(cut_signkey) struct cut_signkey *key = NULL;
	cut_auto(cut_err) struct cut_err err = {0};

	assert_int_equal(cut_sealkey_open(dir, &key, &err), code);
	assert_null(key);
	assert_non_null(strstr(err.why, why));
}

static void test_a_key_that_others_could_have_had_is_refused(void **state)
{
	cut_auto(cut_str) char *path = in_dir("seal.key"), *other = in_dir("other");

	free(public_line()); /* makes the key */
	chmod(path, 0640);
	refused(-EPERM, "others");
	chmod(path, 0602);
	refused(-EPERM, "others");
	chmod(path, 0600);
	assert_int_equal(link(path, other), 0);
	refused(-EPERM, "second name");
	unlink(path);
	assert_int_equal(symlink(other, path), 0);
	refused(-ELOOP, "symbolic");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(-EPERM, "plain file");
	if (geteuid() != 0)
		return;
	unlink(path);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(chown(path, 1, -1), 0);
	refused(-EPERM, "another user");
}

static void test_a_file_that_is_no_key_is_refused_and_left_as_it_is(void **state)
{
	cut_auto(cut_str) char *path = in_dir("seal.key");
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, "nonsense", 8), 8);
	close(fd);
	refused(-EBADMSG, "no Ed25519 key");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 8);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_the_key_is_made_once_and_for_its_owner_only),
		TEST(test_engines_that_start_together_have_one_key),
		TEST(test_a_replaced_key_stays_known_to_the_audit),
		TEST(test_a_key_that_others_could_have_had_is_refused),
		TEST(test_a_file_that_is_no_key_is_refused_and_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
