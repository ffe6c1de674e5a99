/* SPDX-License-Identifier: Apache-2.0 */
/* Making and checking folders. */
#include "engine/runtime/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int cut_folder_make(const char *path, mode_t mode, const char *elsewhere, struct cut_err *err)
{
	int r = mkdir(path, mode);

	if (r == 0)
		r = chmod(path, mode); /* whatever the umask says */
	if (r == 0 || errno == EEXIST)
		return 0;
	return cut_err_sys(err, -errno, elsewhere, "cannot make %s", path);
}

int cut_folder_make_all(const char *path, mode_t mode, const char *elsewhere, struct cut_err *err)
{
	cut_auto(cut_str) char *part = cut_strdup(path);

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = access(part, F_OK) == 0 ? 0 : cut_folder_make(part, mode, elsewhere, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return cut_folder_make(path, mode, elsewhere, err);
}

int cut_folder_check(const char *path, const char *elsewhere, struct cut_err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return cut_err_sys(err, -errno, elsewhere, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return cut_err_set(err, -ENOTDIR,
				   S_ISLNK(st.st_mode) ? "it is a symbolic link"
						       : "it is not a directory",
				   elsewhere, "cannot use %s", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return cut_err_set(err, -EPERM, "it belongs to another user", elsewhere,
				   "cannot use %s", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return cut_err_set(err, -EPERM, "others may write to it", "chmod go-w it",
				   "cannot use %s", path);
	return 0;
}

int cut_folder_sync(const char *path, struct cut_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot open %s", path);
	if (fsync(fd) < 0)
		r = cut_err_sys(err, -errno, NULL, "cannot sync %s", path);
	close(fd);
	return r;
}
