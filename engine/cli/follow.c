/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/follow.h"

#include "engine/cli/client.h"
#include "engine/cli/look.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"
#include "engine/runtime/clock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_WAIT (20 * CUT_SECOND) /* an engine that takes its run up again needs its hosts */
#define GONE_WAIT    (5 * CUT_SECOND)  /* an engine says farewell to others too */
#define LAST_RECORDS 8

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	interrupted = 1;
}

struct follow {
	const struct cut_args *args;
	struct cut_found *found;
	uint64_t seq;
	json_t *status; /* owned: the newest */
	int engine;	/* owned: closed at the first record; -1: there is none */
	bool live_view;
	size_t drawn_lines;
	size_t lines, columns;	  /* of the terminal, when it was drawn */
	char *last[LAST_RECORDS]; /* owned: the newest lines */
	struct cut_buf line;	  /* the one being written */
	bool dirty;
	cut_time drawn_at;
	struct cut_run_entry end; /* outcome and unclosed, of the records that came */
};

static void remember(struct follow *f, const char *line)
{
	free(f->last[0]);
	memmove(f->last, f->last + 1, sizeof(f->last) - sizeof(f->last[0]));
	f->last[LAST_RECORDS - 1] = cut_strdup(line);
}

static void hang_up(struct follow *f)
{
	if (f->engine >= 0)
		close(f->engine);
	f->engine = -1;
}

/* How a run ends, its own records tell. */
static void see_end(struct follow *f, const char *json, size_t len)
{
	static const char type[] = "{\"type\":\"run\"";
	cut_auto(cut_json) json_t *record = NULL;

	if (len < sizeof(type) || memcmp(json, type, sizeof(type) - 1) != 0)
		return;
	record = json_loadb(json, len, 0, NULL);
	cut_run_entry_end(&f->end, record);
}

static int on_record(void *data, uint64_t seq, const char *json, size_t len)
{
	struct follow *f = data;
	struct cut_buf *line = &f->line;

	hang_up(f);
	see_end(f, json, len);
	f->seq = seq;
	f->dirty = true;
	cut_buf_reset(line);
	if (f->args->json)
		cut_print_record(json, len, seq);
	else if (cut_render_record(json, len, line) && f->live_view)
		remember(f, cut_buf_str(line));
	else if (line->len)
		puts(cut_buf_str(line));
	return 0;
}

/* The newest records, a line each, as many as there is room for below the status. */
static void add_records(const struct follow *f, size_t room, struct cut_buf *text)
{
	for (size_t i = room < LAST_RECORDS ? LAST_RECORDS - room : 0; i < LAST_RECORDS; i++) {
		size_t start = text->len;

		if (!f->last[i])
			continue;
		cut_buf_add(text, f->last[i], strcspn(f->last[i], "\n"));
		cut_clip_line(text, start, f->columns);
		cut_buf_add_char(text, '\n');
	}
}

/* Has the terminal another size than when it was drawn on? */
static bool resized(struct follow *f)
{
	size_t lines, columns;

	cut_screen_size(stdout, &lines, &columns);
	if (lines == f->lines && columns == f->columns)
		return false;
	f->lines = lines;
	f->columns = columns;
	return true;
}

/* Redraws in place: up over what stood there, each line cleared to its end. A terminal of a new
 * size has moved what stood there: it is cleared. */
static void draw(struct follow *f)
{
	cut_auto(cut_buf) struct cut_buf status = {0}, text = {0}, screen = {0};
	bool anew = resized(f) && f->drawn_lines;
	size_t lines, most = f->lines - 1;

	cut_render_status(f->status, cut_cli_color(stdout), f->columns, most, &status);
	cut_fold_text(cut_buf_str(&status), f->columns, &text);
	lines = cut_count_lines(cut_buf_str(&text));
	if (lines < most)
		add_records(f, most - lines, &text);
	if (anew)
		cut_buf_add_str(&screen, "\033[H\033[2J");
	else if (f->drawn_lines)
		cut_buf_printf(&screen, "\033[%zuA", f->drawn_lines);
	lines = 0;
	for (const char *p = cut_buf_str(&text), *end; *p && lines < most; p = end + 1) {
		end = strchr(p, '\n');
		cut_buf_printf(&screen, "\r\033[K%.*s\n", (int)(end - p), p);
		lines++;
	}
	cut_buf_add_str(&screen, "\033[J");
	fputs(cut_buf_str(&screen), stdout);
	fflush(stdout);
	f->drawn_lines = lines;
}

static int on_idle(void *data)
{
	struct follow *f = data;
	cut_auto(cut_err) struct cut_err err = {0};
	cut_time now = cut_clock_boot();
	json_t *status = NULL;

	fflush(stdout);
	if (interrupted)
		return 1;
	if (!f->live_view || (!f->dirty && now - f->drawn_at < CUT_SECOND))
		return 0;
	if (cut_client_request(cut_found_socket(f->found), "/v1/status", NULL, &status, &err) ==
	    0) {
		json_decref(f->status);
		f->status = status;
		f->drawn_at = now;
		f->dirty = false;
		draw(f);
	}
	return 0;
}

/* The last picture is of the run's end, which its engine may not live to tell. */
static void draw_end(struct follow *f)
{
	cut_auto(cut_err) struct cut_err err = {0};
	json_t *status = NULL;

	if (!f->live_view || !f->found->entry.name ||
	    cut_look_status(f->args, f->found, &status, &err) < 0)
		return;
	json_decref(f->status);
	f->status = status;
	draw(f);
}

static void follow_done(struct follow *f)
{
	hang_up(f);
	json_decref(f->status);
	cut_buf_done(&f->line);
	for (size_t i = 0; i < LAST_RECORDS; i++)
		free(f->last[i]);
}

/* Has the journal its final record? Who may not read it goes by the records that came. */
static bool ended(struct follow *f)
{
	return cut_found_has_ended(f->found, &f->end);
}

static bool is_over(void *data)
{
	return interrupted || ended(data);
}

/* Its locks are free and its name can be used again when the program returns. */
static void await_gone(const struct cut_found *found)
{
	cut_time until = cut_clock_boot() + GONE_WAIT;
	useconds_t pause_us = 500;

	while (cut_found_is_live(found) && cut_clock_boot() < until) {
		usleep(pause_us);
		if (pause_us < 10 * 1000)
			pause_us += pause_us / 2;
	}
}

/* Does nobody drive it any more? Only its own user can tell. */
static int check_driven(const struct cut_found *found, struct cut_err *err)
{
	if (!found->entry.name || cut_found_is_live(found))
		return 0;
	if (access(found->entry.dir, F_OK) < 0)
		return cut_err_set(err, -ESRCH, "its engine died before the order to start came",
				   "run it again", "run %s was never started", found->entry.id);
	return cut_err_set(err, -ENOTCONN, "its engine is gone before it had ended",
			   "`cutover recover` goes on with it", "nobody drives run %s",
			   found->entry.id);
}

int cut_follow_records(struct cut_found *found, const struct cut_follower *by, struct cut_err *err)
{
	cut_time connect_until = cut_clock_boot() + CONNECT_WAIT;

	for (;;) {
		cut_auto(cut_err) struct cut_err lost = {0};
		bool told;
		int r = cut_client_stream(cut_found_socket(found), *by->seq, by->each, by->idle,
					  by->data, &lost);

		if (r >= 0 || by->is_over(by->data))
			return 0;
		told = lost.code == -EPERM || lost.code == -ESHUTDOWN;
		r = told ? 0 : check_driven(found, err);
		if (lost.code != -ENOTCONN) /* it was there until now */
			connect_until = cut_clock_boot() + CONNECT_WAIT;
		if (r < 0)
			return r;
		if (told || cut_clock_boot() > connect_until) {
			cut_err_set(err, lost.code, lost.why, lost.next, "%s", lost.what);
			return told ? err->code : cut_found_say_held(found, err);
		}
		usleep(100 * 1000); /* between two engines: the supervisor is starting the next */
	}
}

int cut_follow(const struct cut_args *args, struct cut_found *found, int engine)
{
	struct follow f = {.args = args, .found = found, .engine = engine};
	cut_auto(cut_err) struct cut_err err = {0};
	struct sigaction action = {.sa_handler = on_interrupt};
	int r;

	f.live_view = !args->json && cut_is_screen(stdout);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL); /* of timeout, or of a pipeline that is canceled */
	r = cut_follow_records(found,
			       &(struct cut_follower){
				       .seq = &f.seq,
				       .each = on_record,
				       .idle = on_idle,
				       .is_over = is_over,
				       .data = &f,
			       },
			       &err);
	if (r == 0 && !interrupted)
		draw_end(&f);
	follow_done(&f);
	if (interrupted) {
		fprintf(stderr, "\ncutover: detached; the run goes on: `cutover watch %s`\n",
			found->entry.id);
		return CUT_EXIT_DETACHED;
	}
	if (r == 0 && !ended(&f))
		r = check_driven(found, &err);
	if (r < 0 || !f.end.outcome)
		return cut_cli_fail(args, &err, r < 0 ? cut_cli_exit(&err) : CUT_EXIT_INTERNAL);
	if (!args->json)
		printf("%s: %s\n`cutover report %s` tells more\n", found->entry.id, f.end.outcome,
		       found->entry.id);
	await_gone(found);
	return cut_run_outcome_exit(&f.end);
}
