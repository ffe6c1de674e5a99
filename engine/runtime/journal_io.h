/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal asks of the disk. The system's own by default; tests and the simulator bring a
 * disk that fails. */
#pragma once

#include <sys/types.h>

struct statfs;

/* As the system calls of these names do: -1 and errno. */
struct cut_journal_io {
	int (*openat)(int dir, const char *name, int flags); /* new files get mode 0600 */
	int (*close)(int fd);
	ssize_t (*pread)(int fd, void *buf, size_t len, off_t at);
	ssize_t (*pwrite)(int fd, const void *buf, size_t len, off_t at);
	int (*fdatasync)(int fd);
	int (*fsync)(int fd); /* of directories */
	int (*fallocate)(int fd, int mode, off_t at, off_t len);
	int (*ftruncate)(int fd, off_t len);
	int (*unlinkat)(int dir, const char *name);
	int (*fstatfs)(int fd, struct statfs *ret);
	/* Calls each for every name in the directory. */
	int (*list)(int dir, void (*each)(void *data, const char *name), void *data);
};
extern const struct cut_journal_io cut_journal_io_system;
