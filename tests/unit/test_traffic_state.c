/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of plugins/traffic/state.c, on what HAProxy 2.6 said. */
#include "traffic/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char servers_text[] = "1\n"
				   "# be_id be_name srv_id srv_name srv_addr srv_op_state "
				   "srv_admin_state srv_uweight srv_iweight "
				   "srv_time_since_last_change\n"
				   "3 shop 1 blue 127.0.0.1 2 0 75 100 1\n"
				   "3 shop 2 green 127.0.0.1 2 8 25 0 1\n"
				   "4 other 1 blue 127.0.0.1 2 1 1 1 1\n"
				   "\n";

static const char stat_text[] = "# pxname,svname,qcur,scur,status,weight,bck,cookie,algo,\n"
				"shop,blue,2,3,UP,75,0,,,\n"
				"shop,green,0,0,\"DRAIN, (agent)\",25,0,SIDE,,\n"
				"other,blue,9,9,MAINT,1,0,,,\n"
				"shop,BACKEND,0,0,UP,100,0,,roundrobin,\n"
				"\n";

static void test_servers_and_statistics_are_read_by_their_headings(void **cm)
{
	struct state state = {0};
	struct state_server *green;
	struct kit_why why;

	(void)cm;
	assert_int_equal(state_read_servers(&state, "shop", servers_text, &why), 0);
	assert_int_equal(state_read_stat(&state, "shop", stat_text, &why), 0);
	assert_int_equal(state.n, 2);
	assert_string_equal(state.algorithm, "roundrobin");
	assert_int_equal(state_find(&state, "blue")->weight, 75);
	assert_int_equal(state_find(&state, "blue")->configured, 100);
	assert_int_equal(state_find(&state, "blue")->current, 3);
	assert_int_equal(state_find(&state, "blue")->queued, 2);
	assert_true(state_find(&state, "blue")->up);
	green = state_find(&state, "green");
	assert_string_equal(state_admin_word(green->admin), "drain");
	assert_string_equal(green->status, "DRAIN, (agent)");
	assert_false(green->up);
	assert_true(green->sticky);
	assert_null(state_find(&state, "red"));
	state_done(&state);
}

static void test_what_is_not_that_is_refused_and_leaves_the_state(void **cm)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{"Can't find backend.\n\n", -ENOENT},
		{"Unknown command: 'show servers'\n\n", -EPROTO},
		{"", -EPROTO},
		{"\n", -EPROTO},
		{"2\n# x\n", -EPROTO},
		{"1\n# be_name srv_name\nshop blue\n\n", -EPROTO},
		{"1\n# be_name srv_name srv_admin_state srv_uweight srv_iweight\n\n", -ENOENT},
		{"1\n# be_name srv_name srv_admin_state srv_uweight srv_iweight\nshop blue\n",
		 -ENOENT},
	};
	struct kit_why why;

	(void)cm;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct state state = {0};

		assert_int_equal(state_read_servers(&state, "shop", rows[i].text, &why),
				 rows[i].error);
		assert_null(state.list);
		assert_true(state_read_stat(&state, "shop", rows[i].text, &why) < 0);
	}
}

static void test_every_cut_of_a_reply_is_survived(void **cm)
{
	struct kit_why why;

	(void)cm;
	for (size_t cut = 0; cut < sizeof(stat_text); cut++) {
		struct state state = {0};
		char *servers = strndup(servers_text, cut), *stat = strndup(stat_text, cut);

		if (state_read_servers(&state, "shop", servers, &why) == 0)
			state_read_stat(&state, "shop", stat, &why);
		state_oldest_session(stat, "shop", "blue");
		state_done(&state);
		free(servers);
		free(stat);
	}
}

static void test_statuses_tell_who_takes_requests(void **cm)
{
	static const struct {
		const char *status;
		bool up;
	} rows[] = {{"UP", true},	 {"UP 1/3", true}, {"no check", true}, {"DOWN", false},
		    {"DOWN 1/2", false}, {"MAINT", false}, {"DRAIN", false},   {"NOLB", false}};
	struct kit_why why;

	(void)cm;
	for (size_t i = 0; i < KIT_ARRAY_LEN(rows); i++) {
		struct state state = {0};
		char *stat = kit_printf("# pxname,svname,qcur,scur,status,bck,cookie,algo\n"
					"shop,blue,0,0,%s,0,,\n",
					rows[i].status);

		assert_int_equal(state_read_servers(&state, "shop", servers_text, &why), 0);
		assert_int_equal(state_read_stat(&state, "shop", stat, &why), 0);
		if (state_find(&state, "blue")->up != rows[i].up)
			fail_msg("%s", rows[i].status);
		state_done(&state);
		free(stat);
	}
}

static void test_the_oldest_session_is_of_this_server_of_this_backend(void **cm)
{
	static const char text[] =
		"0x1: proto=tcpv4 src=127.0.0.1:1 fe=front be=shop srv=blue ts=00 age=32s calls=2\n"
		"0x2: proto=tcpv4 src=127.0.0.1:2 fe=front be=shop srv=blue ts=00 age=1h2m "
		"calls=2\n"
		"0x3: proto=tcpv4 src=127.0.0.1:3 fe=front be=shop srv=green ts=00 age=3d1h "
		"calls=2\n"
		"0x4: proto=tcpv4 src=127.0.0.1:4 fe=front be=other srv=blue ts=00 age=9d calls=2\n"
		"0x5: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> age=9d\n\n";

	(void)cm;
	assert_true(state_oldest_session(text, "shop", "blue") == 3720);
	assert_true(state_oldest_session(text, "shop", "green") == 3 * 86400 + 3600);
	assert_true(state_oldest_session(text, "shop", "red") == 0);
}

static void test_shares_count_who_takes_requests(void **cm)
{
	struct state_server servers[] = {
		{.name = "a", .weight = 30, .up = true},
		{.name = "b", .weight = 10, .up = true},
		{.name = "c", .weight = 60, .up = false},
		{.name = "d", .weight = 60, .up = true, .backup = true},
	};
	struct state state = {.list = servers, .n = KIT_ARRAY_LEN(servers)};
	json_t *shares = state_shares(&state);

	(void)cm;
	assert_true(json_real_value(json_object_get(shares, "a")) == 0.75);
	assert_true(json_real_value(json_object_get(shares, "b")) == 0.25);
	assert_true(json_real_value(json_object_get(shares, "c")) == 0);
	assert_true(json_real_value(json_object_get(shares, "d")) == 0);
	json_decref(shares);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers_and_statistics_are_read_by_their_headings),
		cmocka_unit_test(test_what_is_not_that_is_refused_and_leaves_the_state),
		cmocka_unit_test(test_every_cut_of_a_reply_is_survived),
		cmocka_unit_test(test_statuses_tell_who_takes_requests),
		cmocka_unit_test(test_the_oldest_session_is_of_this_server_of_this_backend),
		cmocka_unit_test(test_shares_count_who_takes_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
