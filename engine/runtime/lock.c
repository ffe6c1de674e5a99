/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of open file descriptions (F_OFD_SETLK): unlike a process's locks they are inherited and
 * are not lost when some library opens and closes the same file. */
#include "engine/runtime/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_BYTES 65536 /* far more than the lines of one run */
#define OWNED_BYTES 1	  /* the taker's; what follows is for holds, and a taker needs all of it */

static int read_lines(int fd, struct cut_buf *lines)
{
	char part[1024];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, part, sizeof(part), at)) > 0 && at < LINES_BYTES) {
		cut_buf_add(lines, part, (size_t)n);
		at += n;
	}
	return n < 0 ? -errno : 0;
}

/* "supervisor 12, engine 34": the lines as one phrase. */
static void lines_phrase(const struct cut_buf *lines, struct cut_buf *phrase)
{
	for (size_t i = 0; i + 1 < lines->len; i++) {
		if (lines->data[i] == '\n')
			cut_buf_add_str(phrase, ", ");
		else
			cut_buf_add_char(phrase, lines->data[i]);
	}
}

static int refuse_held(int fd, const char *path, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf lines = {0}, why = {0};

	read_lines(fd, &lines);
	cut_buf_add_str(&why, "held by ");
	lines_phrase(&lines, &why);
	return cut_err_set(err, -EBUSY, lines.len ? cut_buf_str(&why) : "held by another process",
			   NULL, "cannot lock %s", path);
}

int cut_lock_take(const char *path, int *ret_fd, struct cut_err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct flock shared = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = OWNED_BYTES};
	int fd, r;

	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot open %s", path);
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		r = errno == EAGAIN || errno == EACCES
			    ? refuse_held(fd, path, err)
			    : cut_err_sys(err, -errno, NULL, "cannot lock %s", path);
		close(fd);
		return r;
	}
	if (fcntl(fd, F_OFD_SETLK, &shared) < 0 || ftruncate(fd, 0) < 0) {
		r = cut_err_sys(err, -errno, NULL, "cannot write %s", path);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int cut_lock_share(int fd, int *ret_fd)
{
	struct flock shared = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = OWNED_BYTES};
	cut_auto(cut_str) char *path = cut_printf("/proc/self/fd/%d", fd);
	int hold = open(path, O_RDONLY | O_CLOEXEC), r;

	if (hold < 0)
		return -errno;
	if (fcntl(hold, F_OFD_SETLK, &shared) < 0) {
		r = -errno;
		close(hold);
		return r;
	}
	*ret_fd = hold;
	return 0;
}

int cut_lock_note(int fd, const char *role, pid_t pid)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%s %d\n", role, (int)pid);

	/* Whole: what a half line runs into is a process that nobody finds again. */
	for (int done = 0; done < len;) {
		ssize_t n = write(fd, line + done, (size_t)(len - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (int)n;
	}
	return 0;
}

int cut_lock_query(const char *path, struct cut_lock_holder *ret, struct cut_err *err)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct cut_lock_holder holder = {0};
	int fd, r;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*ret = holder;
		return 0;
	}
	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot open %s", path);
	r = fcntl(fd, F_OFD_GETLK, &whole) < 0 ? -errno : read_lines(fd, &holder.lines);
	close(fd);
	if (r < 0) {
		cut_lock_holder_done(&holder);
		return cut_err_sys(err, r, NULL, "cannot read %s", path);
	}
	holder.live = whole.l_type != F_UNLCK;
	*ret = holder;
	return 0;
}

pid_t cut_lock_pid(const struct cut_lock_holder *holder, const char *role)
{
	const char *line = cut_buf_str(&holder->lines);
	size_t len = strlen(role);
	long pid = 0;

	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, role, len) == 0 && line[len] == ' ')
			pid = strtol(line + len + 1, NULL, 10);
	}
	return (pid_t)pid;
}

void cut_lock_holder_done(struct cut_lock_holder *holder)
{
	cut_buf_done(&holder->lines);
	holder->live = false;
}
