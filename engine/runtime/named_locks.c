/* SPDX-License-Identifier: Apache-2.0 */
/* The named locks of a runbook: a file each, whose text says who holds it for the one who is
 * refused. */
#include "engine/runtime/rundir.h"

#include "engine/base/json.h"
#include "engine/runtime/folder.h"
#include "engine/runtime/lock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Replaces the plain refusal of the lock by one that says what its file says. */
static int refuse_lock(const char *path, const char *name, struct cut_err *err)
{
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};
	cut_auto(cut_json) json_t *text = NULL;
	cut_auto(cut_str) char *why = NULL;
	const char *ticket;

	if (cut_lock_query(path, &holder, NULL) == 0)
		text = json_loadb(cut_buf_str(&holder.lines), holder.lines.len,
				  JSON_DISABLE_EOF_CHECK, NULL);
	ticket = cut_json_str(text, "ticket", NULL);
	why = cut_printf("held by run %s since %s%s%s", cut_json_str(text, "run", "(not known)"),
			 cut_json_str(text, "since", "(not known)"), ticket ? ", ticket " : "",
			 ticket ? ticket : "");
	cut_err_done(err);
	return cut_err_set(err, -EBUSY, why, "wait for its end, or speak to who runs it",
			   "lock %s is taken", name);
}

static int take_one(const char *dir, const char *name, const char *text, int *ret_fd,
		    struct cut_err *err)
{
	cut_auto(cut_str) char *path = cut_printf("%s/%s", dir, name);
	cut_auto(cut_err) struct cut_err held = {0};
	int fd = -1, r;

	r = cut_lock_take(path, &fd, &held);
	if (r == -EBUSY)
		return refuse_lock(path, name, err);
	if (r < 0)
		return cut_err_sys(err, r, NULL, "cannot take lock %s", name);
	if (write(fd, text, strlen(text)) < 0) {
		close(fd);
		return cut_err_sys(err, -errno, NULL, "cannot write %s", path);
	}
	*ret_fd = fd;
	return 0;
}

int cut_named_locks_take(const char *state, const char *const *names, size_t len, const char *run,
			 const char *ticket, cut_time wall, struct cut_named_locks *ret,
			 struct cut_err *err)
{
	cut_auto(cut_str) char *dir = cut_printf("%s/locks", state);
	cut_auto(cut_buf) struct cut_buf text = {0};
	struct cut_jw w = {.out = &text};
	struct cut_named_locks locks = {0};
	int r;

	r = len ? cut_folder_make(dir, 0700, CUT_STATE_ELSEWHERE, err) : 0;
	cut_jw_open(&w, NULL, '{');
	cut_jw_str(&w, "run", run);
	cut_jw_rfc3339(&w, "since", wall);
	cut_jw_str(&w, "ticket", ticket);
	cut_jw_close(&w);
	cut_buf_add_char(&text, '\n');
	for (size_t i = 0; i < len && r == 0; i++) {
		int fd = -1;

		r = take_one(dir, names[i], cut_buf_str(&text), &fd, err);
		if (r == 0)
			cut_vec_push(&locks, fd);
	}
	if (r < 0) {
		cut_named_locks_done(&locks);
		return r;
	}
	*ret = locks;
	return 0;
}

void cut_named_locks_done(struct cut_named_locks *locks)
{
	cut_vec_foreach (locks, fd)
		close(*fd);
	cut_vec_done(locks);
}
