/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover validate`, `graph`, `schema`, `plugins`: what can be said without a run. */
#include "engine/cli/commands.h"

#include "engine/cli/context.h"
#include "engine/cli/print.h"
#include "engine/core/graph_print.h"

#include <errno.h>
#include <string.h>

int cut_cmd_validate(const struct cut_args *args)
{
	cut_auto(cut_context) struct cut_context ctx = {0};
	int r = cut_context_load(args, args->positional[0], args->json, &ctx);

	if (args->json && (r == 0 || ctx.faults.errors > 0)) {
		cut_auto(cut_json) json_t *json = json_pack("{s:b, s:o}", "ok", r == 0, "faults",
							    cut_faults_json(&ctx.faults));

		cut_cli_print_json(json);
		return r;
	}
	if (r == 0)
		printf("%s is valid: %u step%s in %u phase%s\n", args->positional[0],
		       ctx.rb->steps_len, ctx.rb->steps_len == 1 ? "" : "s", ctx.rb->forward_len,
		       ctx.rb->forward_len == 1 ? "" : "s");
	return r;
}

int cut_cmd_graph(const struct cut_args *args)
{
	const char *format = cut_args_value(args, "format");
	cut_auto(cut_context) struct cut_context ctx = {0};
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_buf) struct cut_buf text = {0};
	int r;

	if (!format)
		format = args->json ? "json" : "text";
	if (strcmp(format, "svg") == 0) {
		cut_err_set(&err, -ENOTSUP, "not supported yet",
			    "pipe --format dot into `dot -Tsvg`", "--format svg");
		return cut_cli_fail(args, &err, CUT_EXIT_REFUSED);
	}
	if (strcmp(format, "text") != 0 && strcmp(format, "dot") != 0 &&
	    strcmp(format, "json") != 0) {
		cut_err_set(&err, -EINVAL, "it may be dot, json or text", NULL, "--format %s",
			    format);
		return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
	}
	r = cut_context_load(args, args->positional[0], false, &ctx);
	if (r)
		return r;
	if (strcmp(format, "json") == 0) {
		cut_auto(cut_json) json_t *json = cut_graph_json(ctx.graph, ctx.rb);

		cut_cli_print_json(json);
		return CUT_EXIT_OK;
	}
	if (strcmp(format, "dot") == 0) {
		cut_graph_dot(ctx.graph, ctx.rb, &text);
		fputs(cut_buf_str(&text), stdout);
	} else {
		cut_graph_text(ctx.graph, ctx.rb, &text);
		cut_print_text(cut_buf_str(&text), stdout);
	}
	return CUT_EXIT_OK;
}

/* Every plugin of the installation. */
static int load_all(const struct cut_args *args, struct cut_context *ctx)
{
	cut_auto(cut_err) struct cut_err err = {0};
	int r;

	cut_places_find(args, &ctx->places);
	r = cut_catalog_load_all(&ctx->places, &ctx->catalog, &err);
	return r < 0 ? cut_cli_fail(args, &err, cut_cli_exit(&err)) : 0;
}

int cut_cmd_schema(const struct cut_args *args)
{
	cut_auto(cut_context) struct cut_context ctx = {0};
	cut_auto(cut_json) json_t *schema = NULL;
	int r = load_all(args, &ctx);

	if (r)
		return r;
	schema = cut_runbook_schema(&ctx.catalog);
	cut_cli_print_json(schema);
	return CUT_EXIT_OK;
}
