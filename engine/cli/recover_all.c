/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover recover --all`, after a reboot. The engines do the work, each under its supervisor; here
 * it is only seen to that each of them answers. An engine answers on its loop, so that the watchdog
 * is pinged only when the loops of all have turned. */
#include "engine/cli/recover.h"

#include "engine/cli/client.h"
#include "engine/cli/service.h"
#include "engine/runtime/clock.h"

#include <errno.h>
#include <signal.h>

#define LOOK_EVERY (1 * CUT_SECOND)

struct recovery {
	const struct cut_args *args;
	struct cut_service service;
	struct {
		CUT_VEC(struct cut_found); /* that have not ended */
	} runs;
	size_t given_up;
};

static void tell_status(const struct recovery *r, const char *first)
{
	cut_service_tell(&r->service, "%sSTATUS=%zu %s on, %zu given up", first, r->runs.len,
			 r->runs.len == 1 ? "run goes" : "runs go", r->given_up);
}

static void leave_run(struct recovery *r, size_t at)
{
	cut_found_done(&r->runs.items[at]);
	cut_vec_remove(&r->runs, at);
}

static void take_up_all(struct recovery *r, struct cut_run_list *list)
{
	cut_vec_foreach (list, entry) {
		cut_auto(cut_err) struct cut_err err = {0};
		struct cut_found found = {0};

		if (entry->empty || !cut_recover_is_due(entry) ||
		    cut_places_of_runs(r->args, &found.places, &err) < 0)
			continue;
		found.entry = *entry;
		*entry = (struct cut_run_entry){0}; /* it has moved */
		cut_vec_push(&r->runs, found);
		if (!found.entry.live && cut_recover_run(r->args, &cut_vec_last(&r->runs)) != 0) {
			r->given_up++;
			leave_run(r, r->runs.len - 1);
		}
	}
}

/* Has it ended, well or not? */
static bool is_over(struct recovery *r, const struct cut_found *found)
{
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_run_entry now = {0};
	bool over;

	if (cut_run_find(found->places.state_dir, found->entry.id, CUT_PICK_NEWEST, &now, &err) < 0)
		return true;
	over = !now.live;
	if (over && !now.outcome) {
		cut_auto(cut_str) char *next =
			cut_printf("see %s/engine.log, then `cutover recover %s`", now.dir, now.id);

		cut_err_set(&err, -ESRCH, "its engine died too often", next, "run %s was given up",
			    now.id);
		cut_cli_fail(r->args, &err, CUT_EXIT_INTERNAL);
		r->given_up++;
	}
	cut_run_entry_done(&now);
	return over;
}

static bool answers(struct cut_found *found)
{
	cut_auto(cut_err) struct cut_err err = {0};

	return cut_client_request(cut_found_socket(found), "/v1/status", NULL, NULL, &err) == 0;
}

/* Looks at each run once. */
static void look(struct recovery *r)
{
	size_t before = r->runs.len, silent = 0;

	for (size_t i = r->runs.len; i-- > 0;) {
		if (is_over(r, &r->runs.items[i]))
			leave_run(r, i);
		else
			silent += !answers(&r->runs.items[i]);
	}
	if (r->runs.len != before)
		tell_status(r, "");
	if (r->service.watchdog && silent == 0)
		cut_service_tell(&r->service, "WATCHDOG=1");
}

/* True: it is to end. The runs are not: they go on, or are taken up again at the next start. */
static bool sleep_or_stop(const sigset_t *stop, cut_time ms)
{
	struct timespec wait = {ms / 1000, ms % 1000 * 1000000};

	return sigtimedwait(stop, NULL, &wait) > 0;
}

int cut_recover_all(const struct cut_args *args)
{
	struct recovery r = {.args = args};
	cut_auto(cut_err) struct cut_err err = {0};
	struct cut_run_list list = {0};
	struct cut_places places = {0};
	cut_time every = LOOK_EVERY;
	sigset_t stop;
	int n;

	cut_service_open(&r.service);
	n = cut_places_of_runs(args, &places, &err);
	if (n == 0)
		n = cut_run_list(places.state_dir, &list, &err);
	cut_places_done(&places);
	if (n < 0)
		return cut_cli_fail(args, &err, cut_cli_exit(&err));
	take_up_all(&r, &list);
	cut_run_list_done(&list);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL); /* only now: engines are not to inherit it */
	tell_status(&r, "READY=1\n");
	if (r.service.watchdog && r.service.watchdog / 4 < every)
		every = r.service.watchdog / 4;
	while (r.runs.len > 0 && !sleep_or_stop(&stop, every))
		look(&r);
	tell_status(&r, "STOPPING=1\n");
	while (r.runs.len > 0)
		leave_run(&r, r.runs.len - 1);
	cut_vec_done(&r.runs);
	cut_service_done(&r.service);
	return r.given_up ? CUT_EXIT_INTERNAL : CUT_EXIT_OK;
}
