/* SPDX-License-Identifier: Apache-2.0 */
/* `cutover`: finds the command in the table and runs it. */
#include "engine/cli/commands.h"

#include "config.h"
#include "engine/base/hash.h"
#include "engine/base/proc.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <uv.h>

int cut_cmd_version(const struct cut_args *args)
{
	cut_auto(cut_json) json_t *json = json_pack("{s:s}", "version", CUT_VERSION);

	if (args->json)
		cut_cli_print_json(json);
	else
		printf("cutover %s\n", CUT_VERSION);
	return CUT_EXIT_OK;
}

static void print_overview(FILE *out)
{
	fputs("cutover COMMAND [OPTIONS] [RUNBOOK|RUN]\n\n", out);
	for (const struct cut_command *c = cut_commands; c->name; c++) {
		if (c->run)
			fprintf(out, "  %-13s %s\n", c->name, c->help);
	}
	fputs("\n`cutover help COMMAND` explains one.\n", out);
}

int cut_cmd_help(const struct cut_args *args)
{
	struct cut_args wanted = {0};
	bool help;
	char *argv[4] = {(char *)"cutover", NULL, NULL, (char *)"--help"};
	int argc = 1;

	if (args->positional_len == 0) {
		print_overview(stdout);
		return CUT_EXIT_OK;
	}
	for (size_t i = 0; i < args->positional_len; i++)
		argv[argc++] = (char *)args->positional[i];
	argv[argc++] = (char *)"--help";
	int r = cut_args_parse(argc, argv, &wanted, &help);

	if (r == 0)
		cut_args_help(wanted.command, stdout);
	return r;
}

/* What was printed did not arrive. An exit code that tells how a run ended stays. */
static int check_printed(const struct cut_args *args, int exit_code)
{
	cut_auto(cut_err) struct cut_err err = {0};
	bool tells_end = args->command->run == cut_cmd_run || args->command->run == cut_cmd_watch ||
			 args->command->run == cut_cmd_recover;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	cut_err_sys(&err, errno ? -errno : -EIO, "make room, or print elsewhere",
		    "cannot write to standard output");
	cut_cli_fail(args, &err, CUT_EXIT_INTERNAL);
	return exit_code == CUT_EXIT_OK && !tells_end ? CUT_EXIT_INTERNAL : exit_code;
}

int main(int argc, char **argv)
{
	struct cut_args args;
	bool help = false;
	int r;

	cut_proc_open_standard();
	signal(SIGCHLD, SIG_DFL); /* how an engine or a command ended is kept for us */
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error of the write */
	cut_json_use_alloc();
	cut_crypto_use_alloc();
	uv_replace_allocator(cut_malloc, cut_realloc, cut_calloc, free);
	if (argc < 2) {
		print_overview(stderr);
		return CUT_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		argv[1] = (char *)"help";
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = (char *)"version";
	r = cut_args_parse(argc, argv, &args, &help);
	if (r)
		return r;
	if (help)
		cut_args_help(args.command, stdout);
	else
		r = args.command->run(&args);
	return check_printed(&args, r);
}
