/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/sealkey.h"

#include "engine/runtime/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (64u << 10)

static int read_fd(int fd, struct cut_buf *out)
{
	for (;;) {
		char *to = cut_buf_reserve(out, 4096);
		ssize_t n = to ? read(fd, to, 4096) : 0;

		if (!to || out->len > FILE_MAX_BYTES)
			return -EFBIG;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		to[n] = '\0';
		out->len += (size_t)n;
	}
}

static int write_fd(int fd, const struct cut_buf *text)
{
	for (size_t done = 0; done < text->len;) {
		ssize_t n = write(fd, text->data + done, text->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Nobody else can have read it, or put it there. */
static int check_private(int fd, const char *path, struct cut_err *err)
{
	static const char next[] = "put it right, or move it away: a new one is made";
	const char *why = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cut_err_sys(err, -errno, NULL, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		why = "it is no plain file";
	else if (st.st_uid != geteuid())
		why = "it belongs to another user";
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		why = "others may read or write it: chmod 600 it";
	else if (st.st_nlink != 1)
		why = "it has a second name somewhere";
	return why ? cut_err_set(err, -EPERM, why, next, "cannot use the key %s", path) : 0;
}

/* Under a name of its own first: whoever finds the key finds all of it. -EEXIST: somebody else was
 * quicker. */
static int create(const char *state, const char *path, struct cut_err *err)
{
	cut_auto(cut_signkey) struct cut_signkey *key = cut_signkey_new();
	cut_auto(cut_str) char *draft = cut_printf("%s.%d", path, (int)getpid());
	struct cut_buf pem = {0};
	int fd, r;

	unlink(draft); /* of a process of that number that died here */
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot make the key %s", path);
	cut_signkey_pem(key, &pem);
	r = write_fd(fd, &pem);
	explicit_bzero(pem.data, pem.len);
	cut_buf_done(&pem);
	close(fd);
	if (r == 0 && renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0) {
		unlink(draft);
		return cut_err_sys(err, r, NULL, "cannot make the key %s", path);
	}
	return cut_folder_sync(state, err);
}

static int load(const char *path, struct cut_signkey **ret, struct cut_err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct cut_buf pem = {0};
	int r;

	if (fd < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : cut_err_sys(err, -errno, NULL, "cannot use the key %s", path);
	r = check_private(fd, path, err);
	if (r == 0) {
		r = read_fd(fd, &pem);
		if (r < 0)
			cut_err_sys(err, r, NULL, "cannot read %s", path);
	}
	close(fd);
	if (r == 0) {
		*ret = cut_signkey_read(cut_buf_str(&pem), pem.len);
		if (!*ret)
			r = cut_err_set(err, -EBADMSG, "it holds no Ed25519 key",
					"move it away: a new one is made", "cannot use the key %s",
					path);
		if (pem.data)
			explicit_bzero(pem.data, pem.cap);
	}
	cut_buf_done(&pem);
	return r;
}

/* So that an audit here knows the key, also once it has been replaced. */
static int publish(const char *state, const struct cut_signkey *key, struct cut_err *err)
{
	cut_auto(cut_str) char *path = cut_printf("%s/seal.pub", state);
	cut_auto(cut_buf) struct cut_buf known = {0}, line = {0};
	char host[65] = "";
	int fd, r;

	gethostname(host, sizeof(host) - 1);
	cut_signkey_public(key, &line);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot write %s", path);
	r = read_fd(fd, &known);
	if (r == 0 && !strstr(cut_buf_str(&known), cut_buf_str(&line))) {
		cut_buf_printf(&line, " cutover@%s\n", host);
		r = write_fd(fd, &line);
	}
	close(fd);
	return r < 0 ? cut_err_sys(err, r, NULL, "cannot write %s", path) : 0;
}

int cut_sealkey_open(const char *state, struct cut_signkey **ret, struct cut_err *err)
{
	cut_auto(cut_str) char *path = cut_printf("%s/seal.key", state);
	cut_auto(cut_signkey) struct cut_signkey *key = NULL;
	int r = load(path, &key, err);

	if (r == -ENOENT) {
		r = create(state, path, err);
		if (r == -EEXIST && err)
			cut_err_done(err);
		if (r == 0 || r == -EEXIST)
			r = load(path, &key, err);
	}
	if (r == 0)
		r = publish(state, key, err);
	if (r == 0)
		*ret = cut_take(key);
	return r;
}

/* --- those that are trusted --- */

static int read_lines(const char *path, struct cut_buf *text, struct cut_sealkeys *keys,
		      struct cut_err *err)
{
	for (const char *at = cut_buf_str(text); *at;) {
		size_t len = strcspn(at, "\n");
		struct cut_sshkey *key;
		int r = 0;

		if (strspn(at, " \t\r") < len && *at != '#') {
			r = cut_sshkey_parse(at, len, &key, err);
			if (r < 0)
				return cut_err_prefix(err, "%s", path);
			cut_vec_push(keys, key);
		}
		at += len + (at[len] == '\n');
	}
	return 0;
}

int cut_sealkeys_read(const char *path, struct cut_sealkeys *ret, struct cut_err *err)
{
	cut_auto(cut_sealkeys) struct cut_sealkeys keys = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot read %s", path);
	r = read_fd(fd, &text);
	close(fd);
	if (r < 0)
		return cut_err_sys(err, r, NULL, "cannot read %s", path);
	r = read_lines(path, &text, &keys, err);
	if (r < 0)
		return r;
	*ret = keys;
	keys = (struct cut_sealkeys){0};
	return 0;
}

int cut_sealkeys_of_state(const char *state, struct cut_sealkeys *ret, struct cut_err *err)
{
	cut_auto(cut_str) char *path = cut_printf("%s/seal.pub", state);

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return cut_sealkeys_read(path, ret, err);
}

const struct cut_sshkey *cut_sealkeys_find(const struct cut_sealkeys *keys, const char *fingerprint)
{
	cut_vec_foreach (keys, key)
		if (strcmp(cut_sshkey_fingerprint(*key), fingerprint) == 0)
			return *key;
	return NULL;
}

void cut_sealkeys_done(struct cut_sealkeys *keys)
{
	cut_vec_foreach (keys, key)
		cut_sshkey_free(*key);
	cut_vec_done(keys);
}
