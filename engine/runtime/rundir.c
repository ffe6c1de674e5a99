/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory and the runs in it. */
#include "engine/runtime/rundir.h"

#include "engine/base/hash.h"
#include "engine/base/near.h"
#include "engine/runtime/folder.h"
#include "engine/runtime/journal.h"
#include "engine/runtime/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STAMP_LEN  16 /* 20261122T020000Z */
#define SUFFIX_LEN 5  /* -4hex */

int cut_state_dir(const char *option, char **ret, struct cut_err *err)
{
	const char *own = getenv("CUTOVER_STATE_DIR");
	const char *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (option && *option)
		*ret = cut_strdup(option);
	else if (own && *own)
		*ret = cut_strdup(own);
	else if (xdg && *xdg == '/')
		*ret = cut_printf("%s/cutover", xdg);
	else if (home && *home)
		*ret = cut_printf("%s/.local/state/cutover", home);
	else
		return cut_err_set(err, -ENOENT, "neither $HOME nor $CUTOVER_STATE_DIR is set",
				   "name one with --state-dir", "no state directory");
	return 0;
}

int cut_state_make(const char *state, struct cut_err *err)
{
	int r = cut_folder_make_all(state, 0700, CUT_STATE_ELSEWHERE, err);

	return r == 0 ? cut_folder_check(state, CUT_STATE_ELSEWHERE, err) : r;
}

/* One that is not there holds no runs: who only looks makes none. */
static int check_state(const char *state, struct cut_err *err)
{
	return access(state, F_OK) < 0 && errno == ENOENT
		       ? 0
		       : cut_folder_check(state, CUT_STATE_ELSEWHERE, err);
}

void cut_run_entry_done(struct cut_run_entry *entry)
{
	free(entry->id);
	free(entry->dir);
	free(entry->name);
	free(entry->state);
	*entry = (struct cut_run_entry){0};
}

void cut_run_list_done(struct cut_run_list *list)
{
	cut_vec_foreach (list, entry)
		cut_run_entry_done(entry);
	cut_vec_done(list);
}

static char *new_id(const char *name, cut_time wall)
{
	char stamp[STAMP_LEN + 1], hex[5];
	time_t seconds = (time_t)(wall / 1000);
	struct tm utc;
	uint8_t random[2];

	gmtime_r(&seconds, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	cut_hex(random, sizeof(random), hex);
	return cut_printf("%s-%s-%s", stamp, name, hex);
}

int cut_run_dir_create(const char *state, const char *name, cut_time wall,
		       struct cut_run_entry *ret, struct cut_err *err)
{
	cut_auto(cut_str) char *runs = cut_printf("%s/runs", state);
	int r;

	r = cut_state_make(state, err);
	if (r == 0)
		r = cut_folder_make(runs, 0700, CUT_STATE_ELSEWHERE, err);
	for (int tries = 0; r == 0 && tries < 16; tries++) {
		cut_auto(cut_str) char *id = new_id(name, wall);
		cut_auto(cut_str) char *dir = cut_printf("%s/%s", runs, id);

		if (mkdir(dir, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return cut_err_sys(err, -errno, NULL, "cannot make %s", dir);
		}
		r = cut_folder_sync(runs, err);
		if (r == 0)
			r = cut_folder_sync(state, err);
		if (r < 0) {
			rmdir(dir);
			return r;
		}
		*ret = (struct cut_run_entry){
			.id = cut_take(id),
			.dir = cut_take(dir),
			.name = cut_strdup(name),
			.empty = true,
		};
		return 0;
	}
	return r < 0 ? r : cut_err_sys(err, -EEXIST, NULL, "cannot find an id for the run");
}

void cut_run_dir_remove(const char *dir)
{
	DIR *list = opendir(dir);
	struct dirent *entry;

	if (!list)
		return;
	while ((entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(list), entry->d_name, 0);
	closedir(list);
	rmdir(dir);
}

/* The runbook's name within an id, or NULL where it is no id. */
static char *name_in(const char *id)
{
	static const char form[] = "ddddddddTddddddZ-";
	size_t len = strlen(id);

	if (len <= sizeof(form) - 1 + SUFFIX_LEN)
		return NULL;
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? id[i] < '0' || id[i] > '9' : id[i] != form[i])
			return NULL;
	if (id[len - SUFFIX_LEN] != '-')
		return NULL;
	return cut_strndup(id + STAMP_LEN + 1, len - STAMP_LEN - 1 - SUFFIX_LEN);
}

/* Final states, and the exit code of `status --exit-code` for each. */
static const struct {
	const char *state;
	int exit_code;
} outcomes[] = {
	{"accepted", 0}, {"done", 0},	{"rolled_back", 4}, {"rollback_incomplete", 5},
	{"aborted", 7},	 {"failed", 9},
};

void cut_run_entry_end(struct cut_run_entry *entry, const json_t *record)
{
	const char *state = cut_json_str(record, "state", "");

	entry->outcome = NULL;
	for (size_t i = 0; i < CUT_ARRAY_LEN(outcomes); i++)
		if (strcmp(outcomes[i].state, state) == 0)
			entry->outcome = outcomes[i].state;
	entry->unclosed = json_array_size(cut_json_at(record, "/details/unclosed")) > 0;
}

int cut_run_outcome_exit(const struct cut_run_entry *entry)
{
	for (size_t i = 0; entry->outcome && i < CUT_ARRAY_LEN(outcomes); i++)
		if (strcmp(outcomes[i].state, entry->outcome) == 0)
			return entry->unclosed ? 5 : outcomes[i].exit_code;
	return 1;
}

/* What the last record of type run says, and the start that the id tells. */
static void read_state(struct cut_run_entry *entry, const json_t *last)
{
	const char *at = cut_json_str(last, "at", "");
	cut_auto(cut_str) char *stamp =
		cut_printf("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", entry->id, entry->id + 4,
			   entry->id + 6, entry->id + 9, entry->id + 11, entry->id + 13);

	entry->started = entry->ended = CUT_NEVER;
	cut_rfc3339_parse(stamp, strlen(stamp), &entry->started);
	if (entry->outcome)
		cut_rfc3339_parse(at, strlen(at), &entry->ended);
	entry->state = cut_strdup(cut_json_str(last, "state", NULL));
}

/* id is one: it has a name in it. */
static int look_at_run(const char *runs, const char *id, struct cut_run_entry *ret,
		       struct cut_err *err)
{
	struct cut_run_entry entry = {.name = name_in(id)};
	cut_auto(cut_lock_holder) struct cut_lock_holder holder = {0};
	cut_auto(cut_json) json_t *last = NULL;
	cut_auto(cut_str) char *lock = NULL;
	int r;

	entry.id = cut_strdup(id);
	entry.dir = cut_printf("%s/%s", runs, id);
	lock = cut_printf("%s/lock", entry.dir);
	r = cut_lock_query(lock, &holder, err);
	if (r == 0) {
		entry.live = holder.live;
		r = cut_journal_last(entry.dir, "run", &last, &entry.empty);
		if (r < 0)
			cut_err_sys(err, r, NULL, "cannot look at run %s", id);
	}
	if (r < 0) {
		cut_run_entry_done(&entry);
		return r;
	}
	cut_run_entry_end(&entry, last);
	read_state(&entry, last);
	*ret = entry;
	return 0;
}

/* An id knows seconds only: those of one second are as old as their ends tell. */
static int by_age(const void *a, const void *b)
{
	const struct cut_run_entry *x = a, *y = b;

	if (x->started != y->started)
		return x->started < y->started ? -1 : 1;
	if (x->ended != y->ended)
		return x->ended < y->ended ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* Of a runbook of this name; NULL: all. */
static int list_named(const char *state, const char *name, struct cut_run_list *ret,
		      struct cut_err *err)
{
	cut_auto(cut_str) char *runs = cut_printf("%s/runs", state);
	struct cut_run_list list = {0};
	struct dirent *item;
	int r = check_state(state, err);
	DIR *dir;

	if (r < 0)
		return r;
	dir = opendir(runs);
	if (!dir && errno != ENOENT)
		return cut_err_sys(err, -errno,
				   errno == EACCES ? "ask as its owner; who is in a role of a run "
						     "that lives gives its id"
						   : NULL,
				   "cannot read %s", runs);
	while (dir && r >= 0 && (item = readdir(dir))) {
		cut_auto(cut_str) char *its = name_in(item->d_name);
		struct cut_run_entry entry;

		if (!its || (name && strcmp(its, name) != 0))
			continue;
		r = look_at_run(runs, item->d_name, &entry, err);
		if (r == 0)
			cut_vec_push(&list, entry);
	}
	if (dir)
		closedir(dir);
	if (r < 0) {
		cut_run_list_done(&list);
		return r;
	}
	if (list.len)
		qsort(list.items, list.len, sizeof(*list.items), by_age);
	*ret = list;
	return 0;
}

int cut_run_list(const char *state, struct cut_run_list *ret, struct cut_err *err)
{
	return list_named(state, NULL, ret, err);
}

static bool is_unfinished(const struct cut_run_entry *entry)
{
	return !entry->outcome &&
	       (entry->live || !entry->empty); /* its engine may still say farewell */
}

/* Only the folder asked for is looked into: there may be thousands. */
static int find_named(const char *state, const char *wanted, struct cut_run_entry *ret,
		      struct cut_err *err)
{
	cut_auto(cut_str) char *runs = cut_printf("%s/runs", state);
	cut_auto(cut_str) char *dir = cut_printf("%s/%s", runs, wanted);
	cut_auto(cut_str) char *name = name_in(wanted);
	cut_auto(cut_str) char *next = NULL, *why = NULL;
	struct cut_near near = {.word = wanted};
	struct cut_run_list list = {0};
	int r = check_state(state, err);

	if (r < 0)
		return r;
	if (name && !strchr(wanted, '/') && access(dir, F_OK) == 0)
		return look_at_run(runs, wanted, ret, err);
	r = cut_run_list(state, &list, err);
	if (r < 0)
		return r;
	cut_vec_foreach (&list, entry)
		cut_near_try(&near, entry->id);
	cut_vec_foreach (&list, entry)
		if (*wanted && strstr(entry->id, wanted)) /* the newest that it may be short for */
			near.best = entry->id;
	next = near.best ? cut_printf("did you mean %s?", near.best)
			 : cut_strdup("cutover list shows those that are; another user's "
				      "is reached only while it lives, and by the same "
				      "$CUTOVER_SOCKET_DIR");
	why = cut_printf("no run in %s has this id", state);
	cut_run_list_done(&list);
	return cut_err_set(err, -ENOENT, why, next, "cannot find run %s", wanted);
}

/* One that was never armed has nothing to tell, where there is another. */
static struct cut_run_entry *newest(const struct cut_run_list *list)
{
	for (size_t i = list->len; i-- > 0;)
		if (!list->items[i].empty)
			return &list->items[i];
	return &cut_vec_last(list);
}

static int none(const struct cut_run_list *list, const char *what, struct cut_err *err)
{
	const struct cut_run_entry *dead = NULL;
	cut_auto(cut_str) char *next = NULL;

	cut_vec_foreach (list, entry)
		if (is_unfinished(entry))
			dead = entry;
	if (!dead)
		return cut_err_set(err, -ENOENT, NULL, "`cutover list` shows all runs",
				   "no run is %s", what);
	next = cut_printf("`cutover recover %s` goes on with it", dead->id);
	return cut_err_set(err, -ENOENT, "an engine is gone before its run had ended", next,
			   "no run is %s", what);
}

static int find_picked(const char *state, struct cut_run_list *list, enum cut_run_pick pick,
		       struct cut_run_entry **ret, struct cut_err *err)
{
	static const char *const what[] = {"live", "unfinished", "live", "live"};
	cut_auto(cut_buf) struct cut_buf ids = {0};
	struct cut_run_entry *found = NULL;
	size_t matches = 0;

	cut_vec_foreach (list, entry) {
		if (pick == CUT_PICK_UNFINISHED ? !is_unfinished(entry) : !entry->live)
			continue;
		cut_buf_printf(&ids, "%s%s", matches++ ? ", " : "", entry->id);
		found = entry;
	}
	if (list->len && ((pick == CUT_PICK_NEWEST && matches != 1) ||
			  (pick == CUT_PICK_TO_WATCH && matches == 0)))
		found = newest(list);
	else if (matches > 1)
		return cut_err_set(err, -ENOTUNIQ, cut_buf_str(&ids), "name one of them",
				   "more than one run is %s", what[pick]);
	if (!found && !list->len)
		return cut_err_set(err, -ENOENT, NULL, "is it another --state-dir?",
				   "there is no run yet in %s", state);
	if (!found)
		return none(list, what[pick], err);
	*ret = found;
	return 0;
}

int cut_run_find(const char *state, const char *wanted, enum cut_run_pick pick,
		 struct cut_run_entry *ret, struct cut_err *err)
{
	struct cut_run_list list = {0};
	struct cut_run_entry *found = NULL;
	int r;

	if (wanted)
		return find_named(state, wanted, ret, err);
	r = cut_run_list(state, &list, err);
	if (r < 0)
		return r;
	r = find_picked(state, &list, pick, &found, err);
	if (r == 0) {
		*ret = *found;
		*found = (struct cut_run_entry){0};
	}
	cut_run_list_done(&list);
	return r;
}

int cut_run_refuse_second(const char *state, const char *name, struct cut_err *err)
{
	struct cut_run_list list = {0};
	int r;

	r = list_named(state, name, &list, err);
	if (r < 0)
		return r;
	cut_vec_foreach (&list, entry) {
		cut_auto(cut_str) char *next = NULL;

		if (r < 0 || !is_unfinished(entry))
			continue;
		next = cut_printf(entry->live ? "cutover watch %s" : "cutover recover %s",
				  entry->id);
		r = cut_err_set(err, -EBUSY,
				entry->live ? "it is still running"
					    : "its engine is gone before it had ended",
				next, "run %s of runbook %s is not finished", entry->id, name);
	}
	cut_run_list_done(&list);
	return r;
}
