/* SPDX-License-Identifier: Apache-2.0 */
/* One file of a journal on disks that lack something: what is refused, and with which word. */
#include "engine/runtime/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cmocka.h>

static long fs_magic; /* -1: the call fails */
static int fallocate_error, fsync_error, open_error;
static ssize_t written = -2; /* what a write tells; -2: the truth */

static int fake_fstatfs(int fd, struct statfs *ret)
{
	if (fs_magic < 0) {
		errno = EIO;
		return -1;
	}
	*ret = (struct statfs){.f_type = fs_magic};
	return 0;
}

static int fake_fallocate(int fd, int mode, off_t at, off_t len)
{
	errno = fallocate_error;
	return fallocate_error ? -1 : 0;
}

static int fake_fsync(int fd)
{
	errno = fsync_error;
	return fsync_error ? -1 : 0;
}

static int fake_openat(int dir, const char *name, int flags)
{
	errno = open_error;
	return open_error ? -1 : cut_journal_io_system.openat(dir, name, flags);
}

static ssize_t fake_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	errno = EDQUOT;
	return written == -2 ? pwrite(fd, buf, len, at) : written;
}

static struct cut_journal_io io;
static char path[64];
static int dir;

static int setup(void **state)
{
	io = cut_journal_io_system;
	io.fstatfs = fake_fstatfs;
	io.fallocate = fake_fallocate;
	io.fsync = fake_fsync;
	io.openat = fake_openat;
	io.pwrite = fake_pwrite;
	fs_magic = EXT4_SUPER_MAGIC;
	fallocate_error = fsync_error = open_error = 0;
	written = -2;
	snprintf(path, sizeof(path), "/tmp/cut-test-file-XXXXXX");
	dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0;
}

static int teardown(void **state)
{
	unlinkat(dir, "journal.jsonl", 0);
	close(dir);
	return rmdir(path);
}

static void test_a_file_system_that_cannot_be_relied_on_is_refused_by_name(void **state)
{
	static const struct {
		long magic;
		const char *name;
	} cases[] = {
		{NFS_SUPER_MAGIC, "NFS"},   {SMB2_SUPER_MAGIC, "SMB"}, {0xff534d42, "CIFS"},
		{0x65735546, "FUSE"},	    {0x00c36400, "CephFS"},    {AFS_FS_MAGIC, "AFS"},
		{CODA_SUPER_MAGIC, "Coda"}, {V9FS_MAGIC, "9P"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(cases); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_str) char *why =
			cut_printf("it is on %s, where neither locks nor syncs can be relied on",
				   cases[i].name);

		fs_magic = cases[i].magic;
		assert_int_equal(cut_journal_check_fs(&io, dir, path, &err), -ENOTSUP);
		assert_string_equal(err.why, why);
		assert_string_equal(err.next, "name a local disk with --state-dir");
	}
	fs_magic = TMPFS_MAGIC;
	assert_int_equal(cut_journal_check_fs(&io, dir, path, NULL), 0);
	fs_magic = -1;
	assert_int_equal(cut_journal_check_fs(&io, dir, path, NULL), -EIO);
}

static void test_a_disk_that_cannot_reserve_is_written_all_the_same(void **state)
{
	static const int errors[] = {EOPNOTSUPP, ENOSYS};

	for (size_t i = 0; i < CUT_ARRAY_LEN(errors); i++) {
		struct cut_journal_file file;

		fallocate_error = errors[i];
		assert_int_equal(cut_journal_file_create(&io, dir, 1, &file), 0);
		assert_true(cut_journal_file_fits(&file, (uint64_t)1 << 40, false));
		assert_int_equal(cut_journal_file_write(&file, "x", 1), 0);
		assert_int_equal(file.end, 1);
		cut_journal_file_close(&file);
		unlinkat(dir, "journal.jsonl", 0);
	}
}

static void test_a_file_that_cannot_be_made_safe_is_not_left_behind(void **state)
{
	struct cut_journal_file file;

	fallocate_error = ENOSPC;
	assert_int_equal(cut_journal_file_create(&io, dir, 1, &file), -ENOSPC);
	fallocate_error = 0;
	fsync_error = EIO;
	assert_int_equal(cut_journal_file_create(&io, dir, 1, &file), -EIO);
	assert_int_equal(faccessat(dir, "journal.jsonl", F_OK, 0), -1);
	open_error = EMFILE;
	assert_int_equal(cut_journal_file_create(&io, dir, 1, &file), -EMFILE);
	assert_int_equal(cut_journal_file_open(&io, dir, 1, 0, &file), -EMFILE);
	open_error = 0;
	assert_int_equal(cut_journal_file_create(&io, dir, CUT_JOURNAL_FILES + 1, &file), -EMFILE);
}

static void test_a_write_that_gets_nowhere_is_told(void **state)
{
	struct cut_journal_file file;

	assert_int_equal(cut_journal_file_create(&io, dir, 1, &file), 0);
	written = 0;
	assert_int_equal(cut_journal_file_write(&file, "x", 1), -EIO);
	written = -1; /* over quota: as a full disk */
	assert_int_equal(cut_journal_file_write(&file, "x", 1), -ENOSPC);
	assert_int_equal(file.end, 0);
	cut_journal_file_close(&file);
	cut_journal_file_close(&file); /* twice is no harm */
}

static void test_a_full_disk_is_opened_with_what_can_be_had(void **state)
{
	struct cut_journal_file file;

	assert_int_equal(cut_journal_file_create(&io, dir, 1, &file), 0);
	cut_journal_file_close(&file);
	fallocate_error = ENOSPC;
	assert_int_equal(cut_journal_file_open(&io, dir, 1, 0, &file), 0);
	assert_false(cut_journal_file_fits(&file, 1, true));
	cut_journal_file_close(&file);
}

static void test_what_is_no_folder_has_no_files(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned files = 7;

	assert_int_equal(cut_journal_file_count(&cut_journal_io_system, fd, &files), -ENOTDIR);
	assert_int_equal(files, 7);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_system_that_cannot_be_relied_on_is_refused_by_name),
		TEST(test_a_disk_that_cannot_reserve_is_written_all_the_same),
		TEST(test_a_file_that_cannot_be_made_safe_is_not_left_behind),
		TEST(test_a_write_that_gets_nowhere_is_told),
		TEST(test_a_full_disk_is_opened_with_what_can_be_had),
		TEST(test_what_is_no_folder_has_no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
