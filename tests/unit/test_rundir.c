/* SPDX-License-Identifier: Apache-2.0 */
/* Where runs lie and which of them is meant. */
#include "engine/runtime/rundir.h"

#include "engine/base/hash.h"
#include "engine/runtime/journal.h"
#include "engine/runtime/lock.h"
#include "engine/runtime/world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#define WHEN 1795312800000 /* 2026-11-22T02:00:00Z */

struct world {
	char state[64];
};

static char *path_of(const struct world *w, const char *part)
{
	return cut_printf("%s/%s", w->state, part);
}

/* A run of that name, later than the one before, with these records. */
static struct cut_run_entry make_run(struct world *w, const char *name, int number,
				     const char *const *records)
{
	struct cut_run_entry run = {0};
	struct cut_journal *journal = NULL;
	struct cut_world *io;
	uv_loop_t loop;

	assert_int_equal(cut_run_dir_create(w->state, name, WHEN + number * 1000, &run, NULL), 0);
	uv_loop_init(&loop);
	assert_int_equal(cut_world_open(&loop, &io, NULL), 0);
	assert_int_equal(cut_journal_create(io, run.dir, 1, &journal, NULL), 0);
	for (; *records; records++)
		cut_journal_append(journal, *records, strlen(*records));
	cut_journal_close(journal);
	cut_world_close(io);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return run;
}

static const char *const nothing[] = {NULL};
static const char *const unfinished[] = {"{\"type\":\"armed\"}",
					 "{\"type\":\"run\",\"state\":\"running\"}", NULL};
static const char *const ended[] = {"{\"type\":\"armed\"}",
				    "{\"type\":\"run\",\"state\":\"closing\"}",
				    "{\"type\":\"run\",\"state\":\"rolled_back\"}",
				    "{\"type\":\"note\",\"text\":\"thanks\"}", NULL};

static int lock_run(const struct cut_run_entry *run)
{
	cut_auto(cut_str) char *path = cut_printf("%s/lock", run->dir);
	int fd = -1;

	assert_int_equal(cut_lock_take(path, &fd, NULL), 0);
	return fd;
}

static void expect_mode(const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void test_the_state_directory_is_found_in_order(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *option = path_of(w, "a/option"), *own = path_of(w, "own"),
			       *home = path_of(w, "home"), *got = NULL;
	cut_auto(cut_str) char *in_home = path_of(w, "home/.local/state/cutover");
	cut_auto(cut_str) char *in_xdg = path_of(w, "home/cutover");

	setenv("CUTOVER_STATE_DIR", own, 1);
	setenv("XDG_STATE_HOME", home, 1);
	setenv("HOME", home, 1);
	assert_int_equal(cut_state_dir(option, &got, NULL), 0);
	assert_string_equal(got, option);
	free(cut_take(got));
	assert_int_equal(cut_state_dir(NULL, &got, NULL), 0);
	assert_string_equal(got, own);
	free(cut_take(got));
	unsetenv("CUTOVER_STATE_DIR");
	assert_int_equal(cut_state_dir(NULL, &got, NULL), 0);
	assert_string_equal(got, in_xdg);
	free(cut_take(got));
	unsetenv("XDG_STATE_HOME");
	assert_int_equal(cut_state_dir(NULL, &got, NULL), 0);
	assert_string_equal(got, in_home);
}

static void test_the_state_directory_is_made_private_with_the_first_run(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *above = path_of(w, "a"), *dir = path_of(w, "a/state");
	struct cut_run_list list = {0};
	struct cut_run_entry run = {0};

	assert_int_equal(cut_run_list(dir, &list, NULL), 0);
	assert_int_equal(list.len, 0);
	assert_int_equal(access(above, F_OK), -1);
	assert_int_equal(cut_run_dir_create(dir, "shop", WHEN, &run, NULL), 0);
	expect_mode(above, 0700);
	expect_mode(dir, 0700);
	cut_run_entry_done(&run);
}

static void test_a_state_directory_that_others_may_write_to_is_refused(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *open = path_of(w, "open"), *link = path_of(w, "link");
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_run_list list = {0};
	struct cut_run_entry run = {0};

	assert_int_equal(mkdir(open, 0700), 0);
	assert_int_equal(chmod(open, 0770), 0);
	assert_int_equal(cut_run_list(open, &list, &err), -EPERM);
	assert_string_equal(err.why, "others may write to it");
	assert_int_equal(
		cut_run_find(open, "20261122T020000Z-shop-0000", CUT_PICK_LIVE, &run, NULL),
		-EPERM);
	assert_int_equal(cut_run_dir_create(open, "shop", WHEN, &run, NULL), -EPERM);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_int_equal(cut_run_list(link, &list, &err), -ENOTDIR);
	assert_string_equal(err.why, "it is a symbolic link");
	assert_int_equal(cut_state_make(link, NULL), -ENOTDIR);
}

static void test_a_run_has_an_id_of_time_name_and_four_digits(void **state)
{
	struct world *w = *state;
	struct cut_run_entry run = {0}, other = {0};

	assert_int_equal(cut_run_dir_create(w->state, "shop_eu", WHEN, &run, NULL), 0);
	assert_int_equal(cut_run_dir_create(w->state, "shop_eu", WHEN, &other, NULL), 0);
	assert_memory_equal(run.id, "20261122T020000Z-shop_eu-", 25);
	assert_int_equal(strspn(run.id + 25, "0123456789abcdef"), 4);
	assert_int_equal(strlen(run.id), 29);
	assert_string_not_equal(run.id, other.id);
	expect_mode(run.dir, 0700);
	cut_run_dir_remove(other.dir);
	assert_int_equal(access(other.dir, F_OK), -1);
	cut_run_entry_done(&run);
	cut_run_entry_done(&other);
}

static void test_a_list_tells_outcome_and_life_oldest_first(void **state)
{
	struct world *w = *state;
	struct cut_run_entry newer = make_run(w, "shop", 9, unfinished);
	struct cut_run_entry older = make_run(w, "shop", 3, ended);
	struct cut_run_list list = {0};
	int fd = lock_run(&newer);

	assert_int_equal(cut_run_list(w->state, &list, NULL), 0);
	assert_int_equal(list.len, 2);
	assert_string_equal(list.items[0].id, older.id);
	assert_string_equal(list.items[0].outcome, "rolled_back");
	assert_string_equal(list.items[0].name, "shop");
	assert_false(list.items[0].live);
	assert_string_equal(list.items[1].id, newer.id);
	assert_null(list.items[1].outcome);
	assert_true(list.items[1].live);
	assert_false(list.items[1].empty);
	cut_run_list_done(&list);
	close(fd);
	cut_run_entry_done(&newer);
	cut_run_entry_done(&older);
}

static void test_of_runs_within_a_second_the_one_that_ended_last_is_the_newest(void **state)
{
	static const char *const records[][2] = {
		{"{\"type\":\"run\",\"at\":\"2026-11-22T02:00:00.100Z\",\"state\":\"done\"}"},
		{"{\"type\":\"run\",\"at\":\"2026-11-22T02:00:00.200Z\",\"state\":\"done\"}"},
	};
	struct world *w = *state;
	struct cut_run_entry older = make_run(w, "z", 0, records[0]);
	struct cut_run_entry newer = make_run(w, "a", 0, records[1]), found = {0};

	assert_int_equal(cut_run_find(w->state, NULL, CUT_PICK_NEWEST, &found, NULL), 0);
	assert_string_equal(found.id, newer.id);
	cut_run_entry_done(&found);
	cut_run_entry_done(&newer);
	cut_run_entry_done(&older);
}

static int find(struct world *w, const char *wanted, enum cut_run_pick pick, const char *want_id,
		struct cut_err *err)
{
	struct cut_run_entry found = {0};
	int r = cut_run_find(w->state, wanted, pick, &found, err);

	if (r == 0)
		assert_string_equal(found.id, want_id);
	cut_run_entry_done(&found);
	return r;
}

static void test_a_run_that_is_not_named_is_picked_where_only_one_can_be_meant(void **state)
{
	struct world *w = *state;
	struct cut_run_entry dead, live, done;
	cut_auto(cut_err) struct cut_err err = {0};
	int fd, second;

	assert_int_equal(find(w, NULL, CUT_PICK_NEWEST, NULL, &err), -ENOENT);
	dead = make_run(w, "shop", 1, unfinished);
	live = make_run(w, "shop", 2, unfinished);
	done = make_run(w, "shop", 3, ended);
	cut_err_done(&err);
	assert_int_equal(find(w, NULL, CUT_PICK_LIVE, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.next, "cutover recover "));
	assert_non_null(strstr(err.next, live.id)); /* the newer of those that nobody drives */
	assert_int_equal(find(w, NULL, CUT_PICK_NEWEST, done.id, NULL), 0);
	fd = lock_run(&live);
	assert_int_equal(find(w, NULL, CUT_PICK_LIVE, live.id, NULL), 0);
	assert_int_equal(find(w, NULL, CUT_PICK_NEWEST, live.id, NULL), 0);
	cut_err_done(&err);
	assert_int_equal(find(w, NULL, CUT_PICK_UNFINISHED, NULL, &err), -ENOTUNIQ);
	assert_non_null(strstr(err.why, dead.id));
	assert_non_null(strstr(err.why, live.id));
	assert_int_equal(find(w, done.id, CUT_PICK_UNFINISHED, done.id, NULL), 0);
	assert_int_equal(find(w, "20261122T020000Z-shop-none", CUT_PICK_LIVE, NULL, NULL), -ENOENT);
	cut_err_done(&err);
	assert_int_equal(find(w, dead.id + strlen(dead.id) - 4, CUT_PICK_LIVE, NULL, &err),
			 -ENOENT);
	assert_non_null(strstr(err.next, dead.id)); /* did you mean … */
	second = lock_run(&dead);
	assert_int_equal(find(w, NULL, CUT_PICK_LIVE, NULL, NULL), -ENOTUNIQ);
	assert_int_equal(find(w, NULL, CUT_PICK_NEWEST, done.id, NULL), 0);
	close(fd);
	close(second);
	cut_run_entry_done(&dead);
	cut_run_entry_done(&live);
	cut_run_entry_done(&done);
}

static void test_a_second_run_of_a_name_waits_for_the_end_of_the_first(void **state)
{
	struct world *w = *state;
	struct cut_run_entry done = make_run(w, "shop", 1, ended);
	struct cut_run_entry never = make_run(w, "shop", 2, nothing);
	struct cut_run_entry other = make_run(w, "shop_eu", 3, unfinished), run;
	cut_auto(cut_err) struct cut_err err = {0};
	int fd;

	assert_int_equal(cut_run_refuse_second(w->state, "shop", &err), 0);
	run = make_run(w, "shop", 4, unfinished);
	assert_int_equal(cut_run_refuse_second(w->state, "shop", &err), -EBUSY);
	assert_memory_equal(err.next, "cutover recover 20261122T020004Z-shop-", 37);
	fd = lock_run(&run);
	cut_err_done(&err);
	assert_int_equal(cut_run_refuse_second(w->state, "shop", &err), -EBUSY);
	assert_memory_equal(err.next, "cutover watch 20261122T020004Z-shop-", 35);
	close(fd);
	cut_run_entry_done(&done);
	cut_run_entry_done(&never);
	cut_run_entry_done(&other);
	cut_run_entry_done(&run);
}

static void test_the_socket_has_a_short_name_of_its_own(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *dir = path_of(w, "sock"), *listen_at = NULL, *found = NULL,
			       *want = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char hex[CUT_SHA256_HEX + 1];
	mode_t before = umask(077);
	int fd;

	setenv("CUTOVER_SOCKET_DIR", dir, 1);
	cut_sha256_hex("run1", 4, hex);
	want = cut_printf("%s/%.16s.sock", dir, hex);
	assert_int_equal(cut_socket_path("run1", false, &found, NULL), -ENOENT);
	assert_int_equal(cut_socket_path("run1", true, &listen_at, NULL), 0);
	umask(before);
	assert_string_equal(listen_at, want);
	expect_mode(dir, 0755); /* or nobody else reaches it */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", listen_at);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(cut_socket_path("run1", false, &found, NULL), 0);
	assert_string_equal(found, want);
	free(cut_take(found));
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(cut_socket_path("run1", false, &found, NULL), -ENOENT);
	close(fd);
}

static void test_a_named_lock_refuses_with_holder_time_and_ticket(void **state)
{
	struct world *w = *state;
	static const char *const first[] = {"dns", "shop_db"}, *const second[] = {"edge",
										  "shop_db"};
	struct cut_named_locks held = {0}, other = {0};
	cut_auto(cut_err) struct cut_err err = {0};

	assert_int_equal(
		cut_named_locks_take(w->state, first, 2, "run1", "CHG-7", WHEN, &held, &err), 0);
	assert_int_equal(
		cut_named_locks_take(w->state, second, 2, "run2", NULL, WHEN, &other, &err),
		-EBUSY);
	assert_string_equal(err.what, "lock shop_db is taken");
	assert_string_equal(err.why,
			    "held by run run1 since 2026-11-22T02:00:00.000Z, ticket CHG-7");
	assert_int_equal(other.len, 0);
	cut_named_locks_done(&held);
	assert_int_equal(
		cut_named_locks_take(w->state, second, 2, "run2", NULL, WHEN, &other, &err), 0);
	assert_int_equal(other.len, 2);
	cut_named_locks_done(&other);
}

static void test_the_end_of_a_long_journal_is_found_without_its_beginning(void **state)
{
	struct world *w = *state;
	cut_auto(cut_str) char *bulk = cut_printf("{\"type\":\"note\",\"text\":\"%01000d\"}", 0);
	const char *records[1003];
	struct cut_run_entry run;
	cut_auto(cut_json) json_t *last = NULL;
	bool is_empty = true;

	for (size_t i = 0; i < 1000; i++)
		records[i] = bulk;
	records[0] = "{\"type\":\"armed\"}";
	records[1000] = "{\"type\":\"run\",\"state\":\"accepted\"}";
	records[1001] = "{\"type\":\"sealed\"}";
	records[1002] = NULL;
	run = make_run(w, "shop", 1, records);
	assert_int_equal(cut_journal_last(run.dir, "run", &last, &is_empty), 0);
	assert_string_equal(cut_json_str(last, "state", ""), "accepted");
	assert_false(is_empty);
	json_decref(cut_take(last));
	assert_int_equal(cut_journal_last(run.dir, "armed", &last, &is_empty), 0);
	assert_null(last); /* too far from the end */
	cut_run_entry_done(&run);
}

static int setup(void **state)
{
	struct world *w = cut_new(struct world);

	snprintf(w->state, sizeof(w->state), "/tmp/cut-test-rundir-XXXXXX");
	*state = w;
	return mkdtemp(w->state) ? 0 : -1;
}

static void remove_tree(int above, const char *name)
{
	int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	cut_auto(cut_str) char *path = cut_printf("/proc/self/fd/%d", fd);
	uv_fs_t list;
	uv_dirent_t item;

	if (fd >= 0 && uv_fs_scandir(NULL, &list, path, 0, NULL) >= 0)
		while (uv_fs_scandir_next(&list, &item) != UV_EOF)
			remove_tree(fd, item.name);
	if (fd >= 0) {
		uv_fs_req_cleanup(&list);
		close(fd);
	}
	if (unlinkat(above, name, 0) < 0)
		unlinkat(above, name, AT_REMOVEDIR);
}

static int teardown(void **state)
{
	struct world *w = *state;

	remove_tree(AT_FDCWD, w->state);
	free(w);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		T(test_the_state_directory_is_found_in_order),
		T(test_the_state_directory_is_made_private_with_the_first_run),
		T(test_a_state_directory_that_others_may_write_to_is_refused),
		T(test_a_run_has_an_id_of_time_name_and_four_digits),
		T(test_a_list_tells_outcome_and_life_oldest_first),
		T(test_of_runs_within_a_second_the_one_that_ended_last_is_the_newest),
		T(test_a_run_that_is_not_named_is_picked_where_only_one_can_be_meant),
		T(test_a_second_run_of_a_name_waits_for_the_end_of_the_first),
		T(test_the_socket_has_a_short_name_of_its_own),
		T(test_a_named_lock_refuses_with_holder_time_and_ticket),
		T(test_the_end_of_a_long_journal_is_found_without_its_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
