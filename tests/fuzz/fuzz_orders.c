/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes as the body of a request to the control socket, while a run goes on. A line a
 *turn:
 *
 *	{"order": …}    a request
 *	0 … 4           from here on this person asks
 *	+ ++ +++        1 s, 10 s, 100 s go by
 *	.               every call ends well; ! one fails, ? one is lost, ~ the engine dies
 *
 * At its end the run's journal is replayed and must come to the same (world_free). */
#include "engine/serve/orders.h"
#include "tests/fuzz/book.h"
#include "tests/fuzz/need.h"
#include "tests/lib/world.h"

#include <errno.h>
#include <string.h>

enum { LINES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the place of runtime/driver: orders reach the machine directly. */
struct cut_driver {
	struct world *w;
	struct cut_driver_options options;
	cut_time t;
	uint64_t seq;
};

int cut_driver_feed(struct cut_driver *driver, struct cut_event *ev, uint64_t *ret_seq,
		    struct cut_err *err)
{
	if (ret_seq)
		*ret_seq = ++driver->seq;
	return world_feed(driver->w, ev, err);
}

/* It is only written down: as the driver does, and read back as a resume does. */
uint64_t cut_driver_refuse(struct cut_driver *driver, struct cut_event *ev,
			   const struct cut_err *err)
{
	const struct cut_runbook *rb = driver->options.rb;
	cut_auto(cut_buf) struct cut_buf line = {0};
	cut_auto(cut_json) json_t *record = NULL;
	struct cut_event back;

	need(err->what);
	ev->refused = err->what;
	cut_event_encode(ev, rb, &line);
	need(cut_json_parse(line.data, line.len, "a record", &record, NULL) == 0);
	need(cut_event_decode(record, rb, &back, NULL) == 0);
	return ++driver->seq;
}

struct cut_expr_env cut_driver_live(struct cut_driver *driver)
{
	return cut_run_env(world_run(driver->w), CUT_NONE, NULL);
}

struct cut_run *cut_driver_run(struct cut_driver *driver)
{
	return world_run(driver->w);
}

const struct cut_driver_options *cut_driver_options(const struct cut_driver *driver)
{
	return &driver->options;
}

static void ask(struct cut_driver *driver, const char *body, size_t len,
		const struct cut_person *who)
{
	cut_auto(cut_json) json_t *order = NULL, *reply = json_object();
	cut_auto(cut_err) struct cut_err err = {0};
	uint64_t seq = 0;

	if (cut_json_parse(body, len, "the order", &order, &err) == 0 &&
	    cut_order_give(driver, who, order, &seq, reply, &err) < 0)
		need(err.what && err.code < 0);
}

/* Everything that people look at, at any moment. */
static void look(struct cut_driver *driver, struct cut_watch *watch)
{
	struct cut_run *run = world_run(driver->w);

	json_decref(cut_status_json(driver->options.rb, run, watch, driver->t, driver->t));
	json_decref(cut_run_rollback_preview(run, NULL, NULL));
	json_decref(cut_run_rollback_preview(run, "go", NULL));
}

static void turn(struct cut_driver *driver, const char *line, size_t len, struct cut_person *who)
{
	static const struct cut_person people[] = {
		{0, "root"}, {1001, "alice"}, {1002, "bob"}, {1003, "carol"}, {4711, "mallory"}};

	switch (len ? line[0] : 0) {
	case '.': world_answer_all(driver->w); break;
	case '!': world_end_one(driver->w, CUT_FAIL); break;
	case '?': world_end_one(driver->w, CUT_UNKNOWN); break;
	case '~': world_crash(driver->w); break;
	case '+':
		driver->t += len == 1 ? 1000 : len == 2 ? 10000 : 100000;
		world_at(driver->w, driver->t);
		break;
	default:
		if (len == 1 && line[0] >= '0' && line[0] < '0' + (int)CUT_ARRAY_LEN(people))
			*who = people[line[0] - '0'];
		else
			ask(driver, line, len, who);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cut_driver driver = {.w = world_new(book)};
	struct cut_person who = {1001, "alice"};
	struct cut_watch *watch = cut_watch_new(world_runbook(driver.w));
	const char *at = (const char *)data, *end = at + size;

	driver.options.rb = world_runbook(driver.w);
	driver.options.graph = world_graph(driver.w);
	world_start(driver.w);
	for (int i = 0; at < end && i < LINES_MAX; i++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		turn(&driver, at, len, &who);
		at += len + 1;
	}
	look(&driver, watch);
	cut_watch_free(watch);
	world_free(driver.w);
	return 0;
}
