/* SPDX-License-Identifier: Apache-2.0 */
/* Which shared objects become part of a host: only files that nobody but root and the engine's own
 * user can have written, looked at and loaded through one descriptor, so that what was checked is
 * what runs. */
#include "engine/host/host.h"

#include "engine/base/hash.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef const struct cut_plugin *entry_fn(void);

static int refuse(struct cut_err *err, const char *path, const char *why, const char *next)
{
	return cut_err_set(err, -EPERM, why, next, "will not load plugin %s", path);
}

/* One link of the path, or the file itself. */
static int check_owner(int fd, const char *what, const char *path, struct cut_err *err)
{
	cut_auto(cut_str) char *why = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cut_err_sys(err, -errno, NULL, "cannot look at %s", what);
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		why = cut_printf("%s belongs to user %u, who is neither root nor the engine's user",
				 what, (unsigned)st.st_uid);
		return refuse(err, path, why,
			      "install it as root, or as the user who runs cutover");
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		why = cut_printf("%s can be written by others (mode %04o)", what,
				 (unsigned)st.st_mode & 07777);
		return refuse(err, path, why,
			      st.st_mode & S_ISVTX
				      ? "build or install it outside of that folder"
				      : "take the write permission of group and others away");
	}
	return 0;
}

/* Walks from the root with one descriptor after the other. *ret: the file, open for reading. */
static int open_checked(const char *path, int *ret, struct cut_err *err)
{
	cut_auto(cut_str) char *walk = cut_strdup(path);
	char *at = walk + 1, *slash;
	int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), r;

	r = check_owner(dir, "/", path, err);
	while (r == 0 && (slash = strchr(at, '/'))) {
		int next;

		*slash = '\0';
		next = openat(dir, at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			r = cut_err_sys(err, -errno, NULL, "cannot open %s", walk);
		else
			r = check_owner(next, walk, path, err);
		*slash = '/';
		at = slash + 1;
		close(dir);
		dir = next;
	}
	if (r == 0) {
		*ret = openat(dir, at, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (*ret < 0 && errno == ELOOP)
			r = refuse(err, path, "it is a symbolic link",
				   "put the file itself there: a link can be led elsewhere");
		else
			r = *ret < 0 ? cut_err_sys(err, -errno, NULL, "cannot open plugin %s", path)
				     : check_owner(*ret, path, path, err);
	}
	if (dir >= 0)
		close(dir);
	return r;
}

/* The folder may be reached through links of the system (/lib), the file itself may not be one. */
static char *resolve_folder(const char *path)
{
	cut_auto(cut_str) char *folder = NULL, *copy = cut_strdup(path);
	char *slash = strrchr(copy, '/');

	if (!slash) {
		errno = EINVAL;
		return NULL;
	}
	*slash = '\0';
	folder = realpath(slash == copy ? "/" : copy, NULL);
	return folder ? cut_printf("%s/%s", strcmp(folder, "/") ? folder : "", slash + 1) : NULL;
}

static int check_abi(const char *path, const struct cut_plugin *plugin, struct cut_err *err)
{
	cut_auto(cut_str) char *why = NULL;
	const char *file = strrchr(path, '/') + 1;
	size_t len;

	if (!plugin || plugin->magic != CUT_PLUGIN_MAGIC)
		return refuse(err, path, "its table does not begin with the plugin's mark",
			      "build it against the installed cutover/plugin.h");
	if (plugin->major != CUT_PLUGIN_MAJOR || plugin->minor > CUT_PLUGIN_MINOR) {
		why = cut_printf("it was built for interface %u.%u, this host has %d.%d",
				 plugin->major, plugin->minor, CUT_PLUGIN_MAJOR, CUT_PLUGIN_MINOR);
		return refuse(err, path, why, "build it against this version's cutover/plugin.h");
	}
	len = plugin->name ? strlen(plugin->name) : 0;
	if (!len || strncmp(file, plugin->name, len) || strcmp(file + len, ".so")) {
		why = cut_printf("it calls itself %s", len ? plugin->name : "nothing");
		return refuse(err, path, why, "name the file as the plugin, with .so");
	}
	return 0;
}

/* "/proc/self/fd/3: undefined symbol: x" names the file in a way that tells nobody anything. */
static const char *without_path(const char *said, const char *path)
{
	size_t len = strlen(path);

	return strncmp(said, path, len) || strncmp(said + len, ": ", 2) ? said : said + len + 2;
}

static int open_object(int fd, const char *path, const struct cut_plugin **ret, struct cut_err *err)
{
	cut_auto(cut_str) char *by_fd = cut_printf("/proc/self/fd/%d", fd);
	void *object = dlopen(by_fd, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	entry_fn *entry;

	if (!object)
		return refuse(err, path, without_path(dlerror(), by_fd),
			      "`ldd -r` shows what it misses");
	*(void **)&entry = dlsym(object, "cut_plugin_v1");
	if (!entry)
		return refuse(err, path, "it has no cut_plugin_v1()",
			      "it is no plugin, or one for another major version");
	*ret = entry();
	return check_abi(path, *ret, err);
}

int host_load(const char *path, const struct cut_plugin **ret_plugin, char **ret_digest,
	      struct cut_err *err)
{
	cut_auto(cut_str) char *resolved = NULL;
	cut_auto(cut_str) char *digest = cut_malloc(CUT_SHA256_HEX + 1);
	cut_auto(cut_str) char *by_fd = NULL;
	int fd = -1, r;

	if (!path) {
		*ret_plugin = cut_plugin_v1(); /* of steps/, linked in */
		r = cut_sha256_file("/proc/self/exe", digest);
		*ret_digest = r < 0 ? NULL : cut_take(digest);
		return r < 0 ? cut_err_sys(err, r, "is /proc mounted?",
					   "cannot read cutover-host itself")
			     : 0;
	}
	resolved = resolve_folder(path);
	if (!resolved)
		return cut_err_sys(err, -errno, "give its full path", "cannot open plugin %s",
				   path);
	r = open_checked(resolved, &fd, err);
	if (r == 0) {
		by_fd = cut_printf("/proc/self/fd/%d", fd);
		r = cut_sha256_file(by_fd, digest);
		if (r < 0)
			cut_err_sys(err, r, NULL, "cannot read plugin %s", path);
	}
	if (r == 0)
		r = open_object(fd, resolved, ret_plugin, err);
	if (fd >= 0)
		close(fd);
	if (r == 0)
		*ret_digest = cut_take(digest);
	return r;
}
