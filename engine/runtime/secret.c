/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/secret.h"

#include "engine/base/log.h"
#include "engine/base/vec.h"
#include "engine/runtime/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX_BYTES (64u * 1024)
#define COMMAND_TIMEOUT	 (10 * CUT_SECOND)

/* One line feed at the end is the editor's, not the secret's. */
static void trim(struct cut_buf *buf)
{
	if (buf->len > 0 && buf->data[buf->len - 1] == '\n')
		buf->data[--buf->len] = '\0';
	if (buf->len > 0 && buf->data[buf->len - 1] == '\r')
		buf->data[--buf->len] = '\0';
}

/* An engine that is started again reads it again: what can be read once only, or may keep it
 * waiting for somebody who writes, is refused. */
static int check_file(int fd, const char *name, const char *path, bool private, struct cut_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return cut_err_set(err, -EINVAL, "it is no regular file",
				   "put the value into one, readable by you only (chmod 600)",
				   "cannot read secret %s from %s", name, path);
	if (private && (st.st_mode & 077) != 0)
		return cut_err_set(err, -EPERM, "other users may read the file", "chmod 600 it",
				   "secret %s in %s is not secret", name, path);
	return 0;
}

static int read_file(const char *name, const char *path, bool private, struct cut_buf *out,
		     struct cut_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	ssize_t n = 0;

	if (fd < 0)
		return cut_err_sys(err, -errno,
				   "put the value there, readable by you only (chmod 600)",
				   "cannot read secret %s from %s", name, path);
	r = check_file(fd, name, path, private, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	for (;;) {
		char *at = cut_buf_reserve(out, 4096);

		n = at ? read(fd, at, 4096) : 0;
		if (n <= 0)
			break;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
	}
	close(fd);
	if (n < 0)
		return cut_err_sys(err, -errno, NULL, "cannot read secret %s from %s", name, path);
	if (out->error)
		return cut_err_set(err, -E2BIG, "it is larger than 64 KiB", NULL, "secret %s in %s",
				   name, path);
	trim(out);
	return 0;
}

static int read_env(const struct cut_secret *secret, struct cut_buf *out, struct cut_err *err)
{
	const char *value = getenv(secret->text);

	if (!value)
		return cut_err_set(err, -ENOENT, "the environment variable is not set",
				   "export it, or refer to a file instead", "secret %s wants $%s",
				   secret->name, secret->text);
	return cut_buf_add_str(out, value);
}

static int read_credential(const struct cut_secret *secret, struct cut_buf *out,
			   struct cut_err *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	cut_auto(cut_str) char *path = NULL;

	if (!folder)
		return cut_err_set(err, -ENOENT, "$CREDENTIALS_DIRECTORY is not set",
				   "start it from a unit with LoadCredential=, or refer to a file",
				   "secret %s wants the credential %s", secret->name, secret->text);
	path = cut_printf("%s/%s", folder, secret->text);
	return read_file(secret->name, path, false, out, err);
}

static int read_command(const struct cut_runbook *rb, const struct cut_secret *secret,
			struct cut_buf *out, struct cut_err *err)
{
	int r = cut_command_output(secret->argv, rb->folder, COMMAND_TIMEOUT, out, err);

	if (r < 0)
		return cut_err_prefix(err, "secret %s", secret->name);
	trim(out);
	return 0;
}

static int read_one(const struct cut_runbook *rb, const struct cut_secret *secret,
		    struct cut_buf *out, struct cut_err *err)
{
	cut_auto(cut_str) char *path = NULL;

	switch (secret->from) {
	case CUT_SECRET_FILE:
		path = secret->text[0] == '/' ? cut_strdup(secret->text)
					      : cut_printf("%s/%s", rb->folder, secret->text);
		return read_file(secret->name, path, true, out, err);
	case CUT_SECRET_ENV: return read_env(secret, out, err);
	case CUT_SECRET_CREDENTIAL: return read_credential(secret, out, err);
	case CUT_SECRET_COMMAND: return read_command(rb, secret, out, err);
	}
	return -EINVAL;
}

void cut_secrets_guard(void)
{
	const struct rlimit no_core = {0, 0};

	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0);
}

int cut_secrets_read(const struct cut_runbook *rb, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_json) json_t *values = json_object();

	for (uint32_t i = 0; i < rb->secrets_len; i++) {
		const struct cut_secret *secret = &rb->secrets[i];
		cut_auto(cut_buf) struct cut_buf value = {.max_bytes = SECRET_MAX_BYTES};
		json_t *text;
		int r = read_one(rb, secret, &value, err);

		if (r < 0)
			return r;
		text = json_stringn(cut_buf_str(&value), value.len);
		if (!text)
			return cut_err_set(err, -EILSEQ, "it is not UTF-8 text", "store it as text",
					   "secret %s", secret->name);
		cut_log_secret(cut_buf_str(&value), value.len);
		json_object_set_new(values, secret->name, text);
		if (value.data)
			explicit_bzero(value.data, value.len);
	}
	*ret = cut_take(values);
	return 0;
}

void cut_secrets_hide_env(const struct cut_runbook *rb)
{
	for (uint32_t i = 0; i < rb->secrets_len; i++) {
		const char *name = rb->secrets[i].text;
		char *value = rb->secrets[i].from == CUT_SECRET_ENV ? getenv(name) : NULL;

		if (!value)
			continue;
		putenv(cut_printf("%s=%s", name, value)); /* the environment owns it now */
		explicit_bzero(value, strlen(value));
	}
}
