/* SPDX-License-Identifier: Apache-2.0 */
/* Values of every type as they are written, as expressions give them, and back. */
#include "engine/core/value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LABEL_63 "a23456789a23456789a23456789a23456789a23456789a23456789a23456789"

/* The JSON, or "! what; next". */
static void show(int r, const json_t *json, const struct cut_err *err, struct cut_buf *out)
{
	if (r == 0) {
		cut_json_canonical(json, out);
		return;
	}
	assert_int_equal(r, err->code);
	cut_buf_printf(out, "! %s", err->what);
	if (err->why)
		cut_buf_printf(out, ": %s", err->why);
	if (err->next)
		cut_buf_printf(out, "; %s", err->next);
}

/* clang-format off */
static void test_written_values_are_read_by_their_type(void **state)
{
	static const struct {
		enum cut_type type;
		const char *range, *text, *want;
	} rows[] = {
		{CUT_T_STRING, NULL, "a b", "\"a b\""},
		{CUT_T_STRING, NULL, "", "\"\""},
		{CUT_T_STRING, NULL, "007", "\"007\""},
		{CUT_T_STRING, NULL, "\xff", "! a text; it must be UTF-8, without the character 0"},

		{CUT_T_INT, NULL, "5", "5"},
		{CUT_T_INT, NULL, "-5", "-5"},
		{CUT_T_INT, NULL, "5.0", "! a whole number, such as 5"},
		{CUT_T_INT, NULL, "five", "! a whole number, such as 5"},
		{CUT_T_INT, NULL, "", "! a whole number, such as 5"},
		{CUT_T_INT, NULL, "9223372036854775808", "! a whole number, such as 5: it is too large"},
		{CUT_T_INT, "1..10", "1", "1"},
		{CUT_T_INT, "1..10", "10", "10"},
		{CUT_T_INT, "1..10", "0", "! a whole number from 1 to 10"},
		{CUT_T_INT, "1..10", "11", "! a whole number from 1 to 10"},
		{CUT_T_INT, "1..10", "x", "! a whole number from 1 to 10"},
		{CUT_T_INT, "1..", "0", "! a whole number of at least 1"},
		{CUT_T_INT, "..10", "11", "! a whole number of at most 10"},
		{CUT_T_INT, "..10", "-11", "-11"},
		{CUT_T_INT, "x..10", "-11", "-11"},

		{CUT_T_NUMBER, NULL, "2.5", "2.5"},
		{CUT_T_NUMBER, NULL, "2", "2"},
		{CUT_T_NUMBER, NULL, "1e3", "1000.0"},
		{CUT_T_NUMBER, NULL, "1e999", "! a number, such as 2.5: it is too large"},
		{CUT_T_NUMBER, NULL, "nan", "! a number, such as 2.5"},
		{CUT_T_NUMBER, "0..1", "1.01", "! a number from 0 to 1"},

		{CUT_T_BOOL, NULL, "true", "true"},
		{CUT_T_BOOL, NULL, "false", "false"},
		{CUT_T_BOOL, NULL, "yes", "! true or false; write true or false"},
		{CUT_T_BOOL, NULL, "True", "! true or false; write true or false"},
		{CUT_T_BOOL, NULL, "1", "! true or false; write true or false"},

		{CUT_T_DURATION, NULL, "30s", "30"},
		{CUT_T_DURATION, NULL, "1h30m", "5400"},
		{CUT_T_DURATION, NULL, "250ms", "0.25"},
		{CUT_T_DURATION, NULL, "10", "! a duration with a unit, such as 30s or 1h30m; write 10s, 10m or 10h"},
		{CUT_T_DURATION, NULL, "0", "! a duration with a unit, such as 30s or 1h30m; write 0s, 0m or 0h"},
		{CUT_T_DURATION, NULL, "10sec", "! a duration with a unit, such as 30s or 1h30m; units are d, h, m, s and ms, in this order"},
		{CUT_T_DURATION, NULL, "-5s", "! a duration with a unit, such as 30s or 1h30m; units are d, h, m, s and ms, in this order"},
		{CUT_T_DURATION, NULL, "9999999999d", "! a duration with a unit, such as 30s or 1h30m: it is too large"},
		{CUT_T_DURATION, "1s..1h", "1h", "3600"},
		{CUT_T_DURATION, "1s..1h", "61m", "! a duration from 1s to 1h"},
		{CUT_T_DURATION, "1s..1h", "999ms", "! a duration from 1s to 1h"},
		{CUT_T_DURATION, "1s..", "0s", "! a duration of at least 1s"},

		{CUT_T_PERCENT, NULL, "2%", "0.02"},
		{CUT_T_PERCENT, NULL, "0.7%", "0.007"},
		{CUT_T_PERCENT, NULL, "100%", "1.0"},
		{CUT_T_PERCENT, NULL, "0%", "0.0"},
		{CUT_T_PERCENT, NULL, "5", "! a percentage, such as 5%; write 5%"},
		{CUT_T_PERCENT, NULL, "0.2",
		 "! a percentage, such as 5%; write 20% for that share of 1, or 0.2%"},
		{CUT_T_PERCENT, NULL, "-5%", "! a percentage, such as 5%"},
		{CUT_T_PERCENT, NULL, "5 %", "! a percentage, such as 5%"},
		{CUT_T_PERCENT, NULL, "", "! a percentage, such as 5%"},
		{CUT_T_PERCENT, NULL, "%", "! a percentage, such as 5%"},
		{CUT_T_PERCENT, NULL, "1e2%", "! a percentage, such as 5%"},
		{CUT_T_PERCENT, "0%..100%", "101%", "! a percentage from 0% to 100%"},

		{CUT_T_TIME, NULL, "2026-11-22T02:00:00+01:00", "\"2026-11-22T01:00:00.000Z\""},
		{CUT_T_TIME, NULL, "2026-11-22T02:00:00", "! a time, such as 2026-11-22T02:00:00+01:00; add the offset from UTC: Z, or such as +01:00"},
		{CUT_T_TIME, NULL, "02:00", "! a time, such as 2026-11-22T02:00:00+01:00"},

		{CUT_T_FQDN, NULL, "www.Shop.test.", "\"www.shop.test\""},
		{CUT_T_FQDN, NULL, "_sip._tcp.shop.test", "\"_sip._tcp.shop.test\""},
		{CUT_T_FQDN, NULL, "*.shop.test", "\"*.shop.test\""},
		{CUT_T_FQDN, NULL, "2.0.192.in-addr.arpa", "\"2.0.192.in-addr.arpa\""},
		{CUT_T_FQDN, NULL, "localhost", "\"localhost\""},
		{CUT_T_FQDN, NULL, "a1.b2", "\"a1.b2\""},
		{CUT_T_FQDN, NULL, "*.", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "www..test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, ".test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, ".", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "*", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "a.*.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "-a.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "a-.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "a b.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "192.0.2.7", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "shop.test/x", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "shop~.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "shop[.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, "shop:.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, LABEL_63 ".test", "\"" LABEL_63 ".test\""},
		{CUT_T_FQDN, NULL, LABEL_63 "x.test", "! a domain name, such as www.shop.test"},
		{CUT_T_FQDN, NULL, LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63, "! a domain name, such as www.shop.test"},

		{CUT_T_IP, NULL, "192.0.2.7", "\"192.0.2.7\""},
		{CUT_T_IP, NULL, "2001:DB8:0:0::7", "\"2001:db8::7\""},
		{CUT_T_IP, NULL, "192.0.2.256", "! an IP address, such as 192.0.2.7 or 2001:db8::7"},
		{CUT_T_IP, NULL, "192.0.2", "! an IP address, such as 192.0.2.7 or 2001:db8::7"},
		{CUT_T_IP, NULL, "192.0.2.07", "! an IP address, such as 192.0.2.7 or 2001:db8::7"},
		{CUT_T_IP, NULL, "192.0.2.7:53", "! an IP address, such as 192.0.2.7 or 2001:db8::7"},
		{CUT_T_IP, NULL, "::1%lo", "! an IP address, such as 192.0.2.7 or 2001:db8::7"},

		{CUT_T_URL, NULL, "https://shop.test:8443/a?b=c#d", "\"https://shop.test:8443/a?b=c#d\""},
		{CUT_T_URL, NULL, "http://[2001:db8::7]/", "\"http://[2001:db8::7]/\""},
		{CUT_T_URL, NULL, "http://x/?mail=a@b", "\"http://x/?mail=a@b\""},
		{CUT_T_URL, NULL, "git+ssh://x-1.test", "\"git+ssh://x-1.test\""},
		{CUT_T_URL, NULL, "-http://x", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "shop.test", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "://shop.test", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "http://", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "http:///path", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "http://:80/", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "ht_tp://x", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "http://a\x7f",  "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "http://a b", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "http://é", "! a URL, such as https://shop.test/health"},
		{CUT_T_URL, NULL, "https://me:pass@x/", "! a URL, such as https://shop.test/health; credentials do not belong into a URL: use a secret"},

		{CUT_T_SIZE, NULL, "10B", "10"},
		{CUT_T_SIZE, NULL, "64KiB", "65536"},
		{CUT_T_SIZE, NULL, "1.5GiB", "1610612736"},
		{CUT_T_SIZE, NULL, "2kB", "2000"},
		{CUT_T_SIZE, NULL, "10GB", "10000000000"},
		{CUT_T_SIZE, NULL, "1TiB", "1099511627776"},
		{CUT_T_SIZE, NULL, "10", "! a size with a unit, such as 64KiB or 10GB; write 10B, 10MiB or 10GiB"},
		{CUT_T_SIZE, NULL, "10K", "! a size with a unit, such as 64KiB or 10GB; units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB"},
		{CUT_T_SIZE, NULL, "0.5B", "! a size with a unit, such as 64KiB or 10GB"},
		{CUT_T_SIZE, NULL, "1.1234567MB", "! a size with a unit, such as 64KiB or 10GB"},
		{CUT_T_SIZE, NULL, "1.B", "! a size with a unit, such as 64KiB or 10GB"},
		{CUT_T_SIZE, NULL, ".5kB", "! a size with a unit, such as 64KiB or 10GB"},
		{CUT_T_SIZE, NULL, "9223372036854775807.5kB", "! a size with a unit, such as 64KiB or 10GB: it is too large"},
		{CUT_T_SIZE, NULL, "1.2.3kB", "! a size with a unit, such as 64KiB or 10GB"},
		{CUT_T_SIZE, NULL, "-1kB", "! a size with a unit, such as 64KiB or 10GB; units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB"},
		{CUT_T_SIZE, NULL, "99999999TiB", "! a size with a unit, such as 64KiB or 10GB: it is too large"},
		{CUT_T_SIZE, NULL, "9223372036854775.9kB", "! a size with a unit, such as 64KiB or 10GB: it is too large"},
		{CUT_T_SIZE, NULL, "kB", "! a size with a unit, such as 64KiB or 10GB"},
		{CUT_T_SIZE, "1kB..1MB", "2MB", "! a size from 1kB to 1MB"},

		{CUT_T_CHOICE, "full|sample", "full", "\"full\""},
		{CUT_T_CHOICE, "full|sample", "sample", "\"sample\""},
		{CUT_T_CHOICE, "full|sample", "sampel", "! one of full or sample; did you mean 'sample'?"},
		{CUT_T_CHOICE, "a|b|c", "d", "! one of a, b or c"},
		{CUT_T_CHOICE, "a|b|c", "a|b", "! one of a, b or c"},
		{CUT_T_CHOICE, NULL, "anything", "\"anything\""},

		{CUT_T_LIST, NULL, "[1, \"a\"]", "[1,\"a\"]"},
		{CUT_T_LIST, "duration", "[\"10s\", \"1m\"]", "[10,60]"},
		{CUT_T_LIST, "duration", "[\"10s\", 10]", "! a list whose item 2 is a duration with a unit, such as 30s or 1h30m: it is the int 10; add its unit: duration(string(…) + 's')"},
		{CUT_T_LIST, NULL, "{}", "! a list: it is a map"},
		{CUT_T_LIST, NULL, "7", "! a list"},
		{CUT_T_LIST, NULL, "[1", "! a list; line 1, column 2: ']' expected near end of file"},
		{CUT_T_MAP, "percent", "{\"green\": \"5%\"}", "{\"green\":0.05}"},
		{CUT_T_MAP, "percent", "{\"green\": \"5\"}", "! a map whose member green is a percentage, such as 5%; write 5%"},
		{CUT_T_MAP, NULL, "[]", "! a map: it is a list"},
		{CUT_T_JSON, NULL, "{\"a\": [1, null]}", "{\"a\":[1,null]}"},
		{CUT_T_ARGV, NULL, "[\"bin/app\", \"green\"]", "[\"bin/app\",\"green\"]"},
		{CUT_T_ARGV, NULL, "[]", "[]"},

		{CUT_T_EXPR, NULL, "a.b > 1", "\"a.b > 1\""},
		{CUT_T_EXPR, NULL, "1 +", "! an expression; column 4: expected an expression at the end"},

		{CUT_T_CONNECTION, NULL, "green_db2", "\"green_db2\""},
		{CUT_T_CONNECTION, NULL, "Green", "! the name of a connection"},
		{CUT_T_CONNECTION, NULL, "2nd", "! the name of a connection"},
		{CUT_T_SECRET, NULL, "tsig", "\"tsig\""},
		{CUT_T_SECRET, NULL, "aB", "! the name of a secret"},
		{CUT_T_SECRET, NULL, "a_1", "\"a_1\""},
		{CUT_T_SECRET, NULL, "~a", "! the name of a secret"},
		{CUT_T_SECRET, NULL, "a2345678901234567890123456789012345678901234567890123456789012345", "! the name of a secret"},
		{CUT_T_SECRET, NULL, "s3cr3t!", "! the name of a secret"},
		{CUT_T_SECRET, NULL, "", "! the name of a secret"},

		{CUT_T_RATE, NULL, "500", "! a rate with a unit, such as 1/s or 30/m; write 500/s, 500/m or 500/h"},
		{CUT_T_RATE, NULL, "1/s", "1.0"},
		{CUT_T_RATE, NULL, "30/m", "0.5"},
		{CUT_T_RATE, NULL, "3600/h", "1.0"},
		{CUT_T_RATE, NULL, "0.5/s", "0.5"},
		{CUT_T_RATE, NULL, "5", "! a rate with a unit, such as 1/s or 30/m; write 5/s, 5/m or 5/h"},
		{CUT_T_RATE, NULL, "/s", "! a rate with a unit, such as 1/s or 30/m; units are /s, /m, /h and /d"},
		{CUT_T_RATE, NULL, "5s", "! a rate with a unit, such as 1/s or 30/m; units are /s, /m, /h and /d"},
		{CUT_T_RATE, NULL, "", "! a rate with a unit, such as 1/s or 30/m; units are /s, /m, /h and /d"},
		{CUT_T_RATE, NULL, "x/s", "! a rate with a unit, such as 1/s or 30/m"},
		{CUT_T_RATE, NULL, "1/w", "! a rate with a unit, such as 1/s or 30/m"},
		{CUT_T_RATE, NULL, "-1/s", "! a rate with a unit, such as 1/s or 30/m"},
		{CUT_T_RATE, "..10/s", "601/m", "! a rate of at most 10/s"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_buf) struct cut_buf got = {0};
		cut_auto(cut_json) json_t *json = NULL;
		int r = cut_value_parse(rows[i].type, rows[i].range, rows[i].text, strlen(rows[i].text),
		                        &json, &err);

		show(r, json, &err, &got);
		if (strcmp(cut_buf_str(&got), rows[i].want) != 0)
			fail_msg("%s '%s'\n gives %s\n  want %s", cut_type_name(rows[i].type), rows[i].text,
			         cut_buf_str(&got), rows[i].want);
		assert_int_equal(json != NULL, r == 0);
	}
}

static void test_computed_values_are_fitted_to_the_type(void **state)
{
	static const struct {
		enum cut_type type;
		const char *range, *expr, *want;
	} rows[] = {
		{CUT_T_STRING, NULL, "'a'", "\"a\""},
		{CUT_T_STRING, NULL, "8080", "\"8080\""},
		{CUT_T_STRING, NULL, "2.50", "\"2.5\""},
		{CUT_T_STRING, NULL, "true", "\"true\""},
		{CUT_T_STRING, NULL, "duration('90m')", "\"1h30m\""},
		{CUT_T_STRING, NULL, "null", "! a text: it is null"},
		{CUT_T_STRING, NULL, "[1]", "! a text: it is a list"},
		{CUT_T_INT, NULL, "5", "5"},
		{CUT_T_INT, NULL, "5.0", "5"},
		{CUT_T_INT, NULL, "5.5", "! a whole number, such as 5: it is the double 5.5"},
		{CUT_T_INT, NULL, "1e300", "! a whole number, such as 5: it is the double 1e+300"},
		{CUT_T_INT, NULL, "'5'", "5"},
		{CUT_T_INT, NULL, "'x'", "! a whole number, such as 5"},
		{CUT_T_INT, NULL, "true", "! a whole number, such as 5: it is the bool true"},
		{CUT_T_INT, "1..3", "4", "! a whole number from 1 to 3"},
		{CUT_T_NUMBER, NULL, "5", "5"},
		{CUT_T_NUMBER, NULL, "5.5", "5.5"},
		{CUT_T_NUMBER, NULL, "1.0/0.0", "! a number, such as 2.5: it is the double +Inf"},
		{CUT_T_RATE, NULL, "2.5", "2.5"},
		{CUT_T_RATE, NULL, "-2.5", "! a rate with a unit, such as 1/s or 30/m: it is the double -2.5"},
		{CUT_T_RATE, NULL, "1.0/0.0", "! a rate with a unit, such as 1/s or 30/m: it is the double +Inf"},
		{CUT_T_LIST, NULL, "{'a': 1}", "! a list: it is a map"},
		{CUT_T_MAP, NULL, "[1]", "! a map: it is a list"},
		{CUT_T_BOOL, NULL, "1 < 2", "true"},
		{CUT_T_BOOL, NULL, "2 < 1", "false"},
		{CUT_T_BOOL, NULL, "'false'", "false"},
		{CUT_T_BOOL, NULL, "1", "! true or false: it is the int 1"},
		{CUT_T_DURATION, NULL, "duration('90s')", "90"},
		{CUT_T_DURATION, NULL, "'90s'", "90"},
		{CUT_T_DURATION, NULL, "duration('-1s')", "! a duration with a unit, such as 30s or 1h30m: it is the duration -1s"},
		{CUT_T_DURATION, NULL, "300", "! a duration with a unit, such as 30s or 1h30m: it is the int 300; add its unit: duration(string(…) + 's')"},
		{CUT_T_DURATION, "..1m", "duration('61s')", "! a duration of at most 1m"},
		{CUT_T_PERCENT, NULL, "0.05", "0.05"},
		{CUT_T_PERCENT, NULL, "'5%'", "0.05"},
		{CUT_T_PERCENT, NULL, "5", "! a percentage, such as 5%: it is the int 5; add its unit: \"${{ … }}%\""},
		{CUT_T_TIME, NULL, "timestamp('2026-11-22T02:00:00+01:00')", "\"2026-11-22T01:00:00.000Z\""},
		{CUT_T_TIME, NULL, "'2026-11-22T02:00:00+01:00'", "\"2026-11-22T01:00:00.000Z\""},
		{CUT_T_TIME, NULL, "5", "! a time, such as 2026-11-22T02:00:00+01:00: it is the int 5"},
		{CUT_T_FQDN, NULL, "'WWW.shop.test'", "\"www.shop.test\""},
		{CUT_T_IP, NULL, "5", "! an IP address, such as 192.0.2.7 or 2001:db8::7: it is the int 5"},
		{CUT_T_SIZE, NULL, "1024", "1024"},
		{CUT_T_SIZE, NULL, "'1KiB'", "1024"},
		{CUT_T_SIZE, NULL, "-1", "! a size with a unit, such as 64KiB or 10GB: it is the int -1"},
		{CUT_T_CHOICE, "1|2", "2", "\"2\""},
		{CUT_T_CHOICE, "1|2", "3", "! one of 1 or 2"},
		{CUT_T_LIST, NULL, "[1, 'a', [duration('1s')], {'k': null}]", "[1,\"a\",[1],{\"k\":null}]"},
		{CUT_T_LIST, "string", "[1, 'a']", "[\"1\",\"a\"]"},
		{CUT_T_LIST, "nosuch", "[1, 'a']", "[1,\"a\"]"},
		{CUT_T_LIST, "fqdn", "['a.test', 'b c']", "! a list whose item 2 is a domain name, such as www.shop.test"},
		{CUT_T_LIST, NULL, "'[1]'", "[1]"},
		{CUT_T_LIST, NULL, "5", "! a list: it is the int 5"},
		{CUT_T_MAP, "percent", "{'green': 0.05, 'blue': '95%'}", "{\"blue\":0.95,\"green\":0.05}"},
		{CUT_T_MAP, NULL, "{1: 2}", "{\"1\":2}"},
		{CUT_T_MAP, NULL, "null", "! a map: it is null"},
		{CUT_T_JSON, NULL, "{'a': [1.5]}", "{\"a\":[1.5]}"},
		{CUT_T_JSON, NULL, "'text'", "\"text\""},
		{CUT_T_EXPR, NULL, "'a > 1'", "\"a > 1\""},
		{CUT_T_EXPR, NULL, "true", "! an expression: it is the bool true"},
		{CUT_T_CONNECTION, NULL, "'db'", "\"db\""},
		{CUT_T_RATE, NULL, "0.5", "0.5"},
		{CUT_T_RATE, NULL, "'30/m'", "0.5"},
		{CUT_T_RATE, NULL, "1", "! a rate with a unit, such as 1/s or 30/m: it is the int 1"},
		{CUT_T_ARGV, NULL, "['a', 1, true]", "[\"a\",\"1\",\"true\"]"},
		{CUT_T_ARGV, NULL, "[['a']]", "! a list whose item 1 is a text: it is a list"},
		{CUT_T_ARGV, NULL, "'a b'", "! a list of words, such as [bin/app, green]: it is the string a b; a value never becomes more than one word"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_expr) struct cut_expr *expr = NULL;
		cut_auto(cut_err) struct cut_err err = {0};
		cut_auto(cut_buf) struct cut_buf got = {0};
		cut_auto(cut_json) json_t *json = NULL;
		struct cut_arena arena = {0};
		struct cut_val val;
		int r;

		assert_int_equal(cut_expr_parse(rows[i].expr, strlen(rows[i].expr), &expr, NULL, &err), 0);
		assert_int_equal(cut_expr_eval(expr, NULL, &arena, &val, &err), 0);
		r = cut_value_coerce(rows[i].type, rows[i].range, &val, &json, &err);
		show(r, json, &err, &got);
		if (strcmp(cut_buf_str(&got), rows[i].want) != 0)
			fail_msg("%s %s\n gives %s\n  want %s", cut_type_name(rows[i].type), rows[i].expr,
			         cut_buf_str(&got), rows[i].want);
		cut_arena_done(&arena);
	}
}

static void test_plain_scalars_without_a_type_are_read_as_json(void **state)
{
	static const struct {
		const char *text, *plain;
	} rows[] = {
		{"5", "5"}, {"-5", "-5"}, {"0", "0"}, {"2.5", "2.5"}, {"1e3", "1000.0"}, {"-0.5", "-0.5"},
		{"true", "true"}, {"false", "false"}, {"null", "null"},
		{"", "\"\""}, {"007", "\"007\""}, {"-01", "\"-01\""}, {"00.5", "\"00.5\""},
		{"on", "\"on\""}, {"no", "\"no\""}, {"True", "\"True\""}, {"~", "\"~\""},
		{"22:00", "\"22:00\""}, {"0x10", "\"0x10\""}, {"1_000", "\"1_000\""}, {"+5", "\"+5\""},
		{".5", "\".5\""}, {"5.", "\"5.\""}, {"1e999", "\"1e999\""}, {"NaN", "\"NaN\""},
		{"12345678901234567890", "\"12345678901234567890\""}, {"-", "\"-\""},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].text);
		cut_auto(cut_json) json_t *plain = cut_value_untyped(rows[i].text, len, false);
		cut_auto(cut_json) json_t *quoted = cut_value_untyped(rows[i].text, len, true);
		cut_auto(cut_buf) struct cut_buf got = {0};

		cut_json_canonical(plain, &got);
		assert_string_equal(got.data, rows[i].plain);
		assert_string_equal(json_string_value(quoted), rows[i].text);
	}
}
/* clang-format on */

static void test_json_comes_back_as_the_value_of_its_type(void **state)
{
	static const struct {
		enum cut_type type;
		const char *json;
		struct cut_val want;
	} rows[] = {
		{CUT_T_DURATION, "90", {.kind = CUT_VAL_DURATION, .i = 90000}},
		{CUT_T_DURATION, "null", {.kind = CUT_VAL_NULL}},
		{CUT_T_PERCENT, "true", {.kind = CUT_VAL_BOOL, .b = true}},
		{CUT_T_TIME, "7", {.kind = CUT_VAL_INT, .i = 7}},
		{CUT_T_DURATION, "0.25", {.kind = CUT_VAL_DURATION, .i = 250}},
		{CUT_T_DURATION, "null", {.kind = CUT_VAL_NULL}},
		{CUT_T_TIME, "\"1970-01-01T00:00:01Z\"", {.kind = CUT_VAL_TIMESTAMP, .i = 1000}},
		{CUT_T_NUMBER, "2", {.kind = CUT_VAL_DOUBLE, .d = 2}},
		{CUT_T_PERCENT, "1", {.kind = CUT_VAL_DOUBLE, .d = 1}},
		{CUT_T_RATE, "0.5", {.kind = CUT_VAL_DOUBLE, .d = 0.5}},
		{CUT_T_INT, "7", {.kind = CUT_VAL_INT, .i = 7}},
		{CUT_T_SIZE, "1024", {.kind = CUT_VAL_INT, .i = 1024}},
		{CUT_T_BOOL, "true", {.kind = CUT_VAL_BOOL, .b = true}},
		{CUT_T_JSON, "2", {.kind = CUT_VAL_INT, .i = 2}},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *json = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		struct cut_arena arena = {0};
		struct cut_val val;

		val = cut_value_typed(rows[i].type, json, &arena);
		assert_int_equal(val.kind, rows[i].want.kind);
		if (val.kind == CUT_VAL_DOUBLE)
			assert_true(val.d == rows[i].want.d);
		else if (val.kind == CUT_VAL_BOOL)
			assert_int_equal(val.b, rows[i].want.b);
		else if (val.kind != CUT_VAL_NULL)
			assert_int_equal(val.i, rows[i].want.i);
		cut_arena_done(&arena);
	}
}

static void test_a_list_of_a_type_has_items_of_it(void **state)
{
	cut_auto(cut_json) json_t *json = json_pack("[i, i]", 1, 2);
	struct cut_arena arena = {0};
	struct cut_val val;

	val = cut_value_typed(CUT_T_DURATION, json, &arena);
	assert_int_equal(val.kind, CUT_VAL_LIST);
	assert_int_equal(val.list.items[1].kind, CUT_VAL_DURATION);
	assert_int_equal(val.list.items[1].i, 2000);
	val = cut_value_typed(CUT_T_LIST, json, &arena);
	assert_int_equal(val.list.items[1].kind, CUT_VAL_INT);
	cut_arena_done(&arena);
}

static void test_what_was_written_survives_the_way_through_expressions(void **state)
{
	static const struct {
		enum cut_type type;
		const char *text;
	} rows[] = {
		{CUT_T_DURATION, "1m30.5s"},
		{CUT_T_PERCENT, "0.7%"},
		{CUT_T_TIME, "2026-11-22T01:00:00Z"},
		{CUT_T_SIZE, "64KiB"},
		{CUT_T_RATE, "30/m"},
		{CUT_T_INT, "-7"},
		{CUT_T_NUMBER, "2.5"},
		{CUT_T_BOOL, "true"},
		{CUT_T_FQDN, "www.shop.test"},
		{CUT_T_STRING, "a b"},
		{CUT_T_LIST, "[1, 2.5]"},
		{CUT_T_MAP, "{\"a\": {\"b\": []}}"},
	};

	for (size_t i = 0; i < CUT_ARRAY_LEN(rows); i++) {
		cut_auto(cut_json) json_t *written = NULL, *back = NULL;
		struct cut_arena arena = {0};
		struct cut_val val;

		assert_int_equal(cut_value_parse(rows[i].type, NULL, rows[i].text,
						 strlen(rows[i].text), &written, NULL),
				 0);
		val = cut_value_typed(rows[i].type, written, &arena);
		assert_int_equal(cut_value_coerce(rows[i].type, NULL, &val, &back, NULL), 0);
		assert_true(json_equal(written, back));
		cut_arena_done(&arena);
	}
}

static void test_a_lazy_object_is_no_value(void **state)
{
	const struct cut_val lazy = {.kind = CUT_VAL_LAZY};

	for (int type = CUT_T_STRING; type <= CUT_T_ARGV; type++) {
		json_t *json = NULL;

		assert_int_equal(cut_value_coerce((enum cut_type)type, NULL, &lazy, &json, NULL),
				 -EINVAL);
		assert_null(json);
	}
}

static void test_every_type_has_a_name_of_its_own(void **state)
{
	for (int a = CUT_T_STRING; a <= CUT_T_ARGV; a++)
		for (int b = CUT_T_STRING; b < a; b++)
			assert_string_not_equal(cut_type_name((enum cut_type)a),
						cut_type_name((enum cut_type)b));
	assert_string_equal(cut_type_name(CUT_T_DURATION), "duration");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_values_are_read_by_their_type),
		cmocka_unit_test(test_computed_values_are_fitted_to_the_type),
		cmocka_unit_test(test_plain_scalars_without_a_type_are_read_as_json),
		cmocka_unit_test(test_json_comes_back_as_the_value_of_its_type),
		cmocka_unit_test(test_a_list_of_a_type_has_items_of_it),
		cmocka_unit_test(test_what_was_written_survives_the_way_through_expressions),
		cmocka_unit_test(test_a_lazy_object_is_no_value),
		cmocka_unit_test(test_every_type_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
