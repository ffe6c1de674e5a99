/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: a plugin writes anywhere but in the folder of runs, and signals or traces nobody but
 * itself and what it started. Landlock knows only what is allowed, so everything beside the way to
 * that folder is; in the folders on the way, what is there may be written, but nothing be made. */
#include "engine/host/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's headers. */
#define ACCESS_TRUNCATE ((uint64_t)1 << 14)
#define SCOPE_SIGNAL	((uint64_t)1 << 1)

enum { ABI_REFER = 2, ABI_TRUNCATE = 3, ABI_SCOPE = 6 };

struct ruleset {
	uint64_t fs, net,
		scoped; /* as the kernel has it since ABI 6; the rest of zeros is ignored */
};

static const uint64_t of_files = LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE;
static const uint64_t of_folders = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				   LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
				   LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				   LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				   LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;

static struct ruleset rules_of(long abi, const char *keep_out)
{
	struct ruleset rules = {.fs = keep_out ? of_files | of_folders : 0};

	if (abi < ABI_REFER)
		rules.fs &= ~(uint64_t)LANDLOCK_ACCESS_FS_REFER;
	if (abi < ABI_TRUNCATE)
		rules.fs &= ~ACCESS_TRUNCATE;
	if (abi >= ABI_SCOPE)
		rules.scoped = SCOPE_SIGNAL;
	return rules;
}

/* What cannot be opened or is no place to write (a link, a socket) needs no rule. */
static void allow(int ruleset, const struct ruleset *rules, int folder, const char *name)
{
	struct landlock_path_beneath_attr rule = {
		.parent_fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
	struct stat st;

	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0) {
		rule.allowed_access = S_ISDIR(st.st_mode) ? rules->fs : rules->fs & of_files;
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(rule.parent_fd);
}

static int allow_beside(int ruleset, const struct ruleset *rules, int folder, const char *except)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!list)
		return -errno;
	while ((entry = readdir(list)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    strcmp(entry->d_name, except))
			allow(ruleset, rules, folder, entry->d_name);
	closedir(list);
	return 0;
}

static int allow_others(int ruleset, const struct ruleset *rules, const char *keep_out)
{
	char path[PATH_MAX], *part, *rest = path;
	int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (!realpath(keep_out, path))
		r = -errno;
	while (r == 0 && (part = strsep(&rest, "/"))) {
		int next;

		if (!*part)
			continue;
		r = allow_beside(ruleset, rules, folder, part);
		next = openat(folder, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (r == 0 && next < 0)
			r = -errno;
		close(folder);
		folder = next;
	}
	if (folder >= 0)
		close(folder);
	return r;
}

int confine_files(const char *keep_out)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules;
	int ruleset, r = 0;

	if (abi < 0)
		return -errno;
	rules = rules_of(abi, keep_out);
	if (!rules.fs && !rules.scoped)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (ruleset < 0)
		return -errno;
	if (rules.fs)
		r = allow_others(ruleset, &rules, keep_out);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	close(ruleset);
	return r;
}
