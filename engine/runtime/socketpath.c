/* SPDX-License-Identifier: Apache-2.0 */
/* Where the control socket of a run lies: apart from the run, where other users can reach it and
 * the path stays short. */
#include "engine/runtime/rundir.h"

#include "engine/base/hash.h"
#include "engine/runtime/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_DIR "/run/cutover"
#define NAME_HEX   16

#define SOCKET_ELSEWHERE "$CUTOVER_SOCKET_DIR names another place"

static char *socket_in(const char *dir, const char *run)
{
	char hex[CUT_SHA256_HEX + 1];

	cut_sha256_hex(run, strlen(run), hex);
	return cut_printf("%s/%.*s.sock", dir, NAME_HEX, hex);
}

/* Of somebody else's, or one that others may write to, root is to make no use either. */
static bool is_usable(const char *dir)
{
	return cut_folder_make(dir, 0755, NULL, NULL) == 0 &&
	       cut_folder_check(dir, NULL, NULL) == 0 && access(dir, W_OK) == 0;
}

static int path_to_listen(const char *run, char **ret, struct cut_err *err)
{
	const char *own = getenv("CUTOVER_SOCKET_DIR");
	cut_auto(cut_str) char *dir = NULL;
	int r;

	if (own && *own)
		dir = cut_strdup(own);
	else if (is_usable(SYSTEM_DIR))
		dir = cut_strdup(SYSTEM_DIR);
	else
		dir = cut_printf("/tmp/cutover-%u", (unsigned)geteuid());
	r = cut_folder_make(dir, 0755, SOCKET_ELSEWHERE, err);
	if (r == 0)
		r = cut_folder_check(dir, SOCKET_ELSEWHERE, err);
	if (r == 0)
		*ret = socket_in(dir, run);
	return r;
}

/* A socket that its directory's owner has put there. */
static char *socket_found(const char *dir, const char *run)
{
	cut_auto(cut_str) char *path = socket_in(dir, run);
	struct stat folder, st;

	if (lstat(dir, &folder) < 0 || !S_ISDIR(folder.st_mode) ||
	    (folder.st_mode & (S_IWGRP | S_IWOTH)) || lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return NULL;
	if (folder.st_uid != 0 && folder.st_uid != st.st_uid)
		return NULL;
	return cut_take(path);
}

/* In /tmp everybody may make a folder of that name: only its number's own counts. */
static char *found_in_tmp(const char *run)
{
	DIR *tmp = opendir("/tmp");
	struct dirent *entry;
	char *found = NULL;

	while (tmp && !found && (entry = readdir(tmp))) {
		cut_auto(cut_str) char *dir = NULL;
		struct stat st;
		unsigned uid;
		int end = 0;

		if (sscanf(entry->d_name, "cutover-%u%n", &uid, &end) != 1 || entry->d_name[end])
			continue;
		dir = cut_printf("/tmp/%s", entry->d_name);
		if (lstat(dir, &st) == 0 && st.st_uid == uid)
			found = socket_found(dir, run);
	}
	if (tmp)
		closedir(tmp);
	return found;
}

int cut_socket_path(const char *run, bool to_listen, char **ret, struct cut_err *err)
{
	const char *own = getenv("CUTOVER_SOCKET_DIR");
	char *found;

	if (to_listen)
		return path_to_listen(run, ret, err);
	found = own && *own ? socket_found(own, run) : NULL;
	if (!found)
		found = socket_found(SYSTEM_DIR, run);
	if (!found)
		found = found_in_tmp(run);
	if (!found)
		return cut_err_set(err, -ENOENT, "it has no control socket",
				   "cutover status tells whether its engine lives",
				   "cannot reach run %s", run);
	*ret = found;
	return 0;
}
