/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover plan`: before and after of every step against the live world, nothing changed. */
#include "engine/cli/commands.h"

#include "engine/cli/context.h"
#include "engine/cli/print.h"
#include "engine/cli/render.h"
#include "engine/core/plan.h"
#include "engine/runtime/planner.h"
#include "engine/runtime/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define PLAN_TIMEOUT (30 * CUT_SECOND)

struct planning {
	struct cut_context *ctx;
	struct cut_calls *calls;
	json_t *plans; /* owned */
	struct cut_err err;
};

static void on_plans(void *data, json_t *plans)
{
	struct planning *p = data;

	p->plans = json_incref(plans);
	cut_calls_stop(p->calls);
}

static void on_ready(void *data, const struct cut_err *why)
{
	struct planning *p = data;

	if (!why) {
		cut_planner_start(p->calls, p->ctx->rb, PLAN_TIMEOUT, on_plans, p);
		return;
	}
	cut_err_set(&p->err, why->code, why->why, why->next, "%s", why->what);
	cut_calls_stop(p->calls);
}

static int ask_the_world(struct planning *p)
{
	cut_auto(cut_json) json_t *secrets = NULL;
	struct cut_calls_options options = {
		.rb = p->ctx->rb,
		.host_path = p->ctx->places.host_path,
		.run = "plan",
		.lock_fd = -1,
		.log_fd = STDERR_FILENO,
	};
	uv_loop_t loop;
	int r;

	cut_secrets_guard();
	r = cut_secrets_read(p->ctx->rb, &secrets, &p->err);
	if (r < 0)
		return r;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	r = cut_world_open(&loop, &options.world, &p->err);
	if (r == 0) {
		options.secrets = secrets;
		cut_calls_start(&options, on_ready, p, &p->calls, &p->err);
		uv_run(&loop, UV_RUN_DEFAULT);
		cut_world_close(options.world);
		uv_run(&loop, UV_RUN_DEFAULT);
	}
	uv_loop_close(&loop);
	return p->err.code;
}

static size_t count_failed(const json_t *plans)
{
	const char *step;
	json_t *plan;
	size_t n = 0;

	json_object_foreach ((json_t *)plans, step, plan)
		n += cut_json_bool(plan, "failed", false);
	return n;
}

static int save(const struct cut_args *args, const json_t *plan)
{
	const char *file = cut_args_value(args, "out");
	cut_auto(cut_err) struct cut_err err = {0};

	cut_auto(cut_str) char *text = NULL;
	FILE *out;

	if (!file)
		return CUT_EXIT_OK;
	text = cut_json_text(plan, CUT_JSON_INDENTED);
	out = fopen(file, "we");
	if (out && fprintf(out, "%s\n", text) > 0 && fflush(out) == 0) {
		fclose(out);
		return CUT_EXIT_OK;
	}
	cut_err_sys(&err, -errno, NULL, "cannot write %s", file);
	if (out)
		fclose(out);
	return cut_cli_fail(args, &err, cut_cli_exit(&err));
}

static int show(const struct cut_args *args, struct planning *p)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *plan = cut_plan_json(p->ctx->rb, p->ctx->graph);
	cut_auto(cut_buf) struct cut_buf canonical = {0}, text = {0};
	size_t failed = count_failed(p->plans), i;
	char sha256[65];
	json_t *step;

	cut_runbook_identity(p->ctx->rb, &canonical);
	cut_plan_identity(p->ctx->rb, sha256);
	json_object_set_new(plan, "runbook_sha256", json_string(p->ctx->rb->sha256));
	json_object_set_new(plan, "plan_sha256", json_string(sha256));
	json_array_foreach (json_object_get(plan, "steps"), i, step) {
		const json_t *live = json_object_get(p->plans, cut_json_str(step, "id", ""));
		const char *note = cut_json_str(live, "note", NULL);

		if (live)
			json_object_set(step, "changes", json_object_get(live, "changes"));
		if (note)
			json_object_set_new(step, "note", json_string(note));
	}
	if (args->json) {
		cut_cli_print_json(plan);
	} else {
		cut_render_plan(p->ctx->rb, p->ctx->graph, p->plans, &text);
		cut_print_text(cut_buf_str(&text), stdout);
		printf("plan %s\n", sha256);
	}
	if (failed == 0)
		return save(args, plan);
	cut_err_set(&err, -EIO, "see CANNOT BE PLANNED above",
		    "mend what they could not reach or read", "%zu step%s cannot be planned",
		    failed, failed == 1 ? "" : "s");
	return cut_cli_fail(args, &err, CUT_EXIT_REFUSED);
}

int cut_cmd_plan(const struct cut_args *args)
{
	cut_auto(cut_context) struct cut_context ctx = {0};
	struct planning p = {.ctx = &ctx};
	int r = cut_context_load(args, args->positional[0], false, &ctx);

	if (r)
		return r;
	if (ask_the_world(&p) < 0)
		r = cut_cli_fail(args, &p.err, CUT_EXIT_REFUSED);
	else
		r = show(args, &p);
	json_decref(p.plans);
	cut_err_done(&p.err);
	return r;
}
