/* SPDX-License-Identifier: Apache-2.0 */
/* What every command shares: its row in the table of commands, the arguments it was given, how it
 * says that something went wrong. Used by main.c and every cmd_*.c. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/json.h"

#include <stdio.h>

/* docs/cli.md, "Exit codes". */
enum cut_exit {
	CUT_EXIT_OK = 0,
	CUT_EXIT_INTERNAL = 1,
	CUT_EXIT_USAGE = 2,
	CUT_EXIT_DETACHED = 3,
	CUT_EXIT_ROLLED_BACK = 4,
	CUT_EXIT_INCOMPLETE = 5,
	CUT_EXIT_REFUSED = 6,
	CUT_EXIT_ABORTED = 7,
	CUT_EXIT_AUDIT = 8,
	CUT_EXIT_FAILED = 9,
};

#define CUT_ARGS_MAX 64

struct cut_cli_option {
	const char *name;  /* without the dashes; NULL ends the table */
	const char *value; /* "TEXT": takes one; NULL: a switch */
	const char *help;
};

/* What was written on the command line, checked against the command's tables. */
struct cut_args {
	const struct cut_command *command;
	struct {
		const char *name, *value;
	} given[CUT_ARGS_MAX];
	size_t given_len;
	const char *positional[CUT_ARGS_MAX];
	size_t positional_len;
	bool json; /* --output json */
};

struct cut_command {
	const char *name;     /* "run", "trigger test" */
	const char *synopsis; /* "RUNBOOK" */
	const char *help;
	const struct cut_cli_option *options; /* beside the common ones; or NULL */
	size_t min_args, max_args;
	int (*run)(const struct cut_args *args); /* exit code; NULL: of a later version */
};

extern const struct cut_command cut_commands[]; /* sorted by name; ends with name NULL */

/* 0, or the exit code to leave with (message printed). */
int cut_args_parse(int argc, char **argv, struct cut_args *ret, bool *ret_help);
bool cut_args_has(const struct cut_args *args, const char *name);
const char *cut_args_value(const struct cut_args *args, const char *name); /* last given, or NULL */
void cut_args_help(const struct cut_command *command, FILE *out);

/* Prints the error for people or as JSON, by --output, and returns the exit code given. */
int cut_cli_fail(const struct cut_args *args, const struct cut_err *err, int exit_code);
/* The exit code for an error of which nothing more is known: -EPERM and friends are refusals. */
int cut_cli_exit(const struct cut_err *err);
/* Prints JSON on standard output, indented, and a line feed. */
void cut_cli_print_json(const json_t *json);
/* Reads a file of the command line, at most 4 MiB; -EINVAL: what is wrong with it, and where. */
int cut_cli_load_json(const char *path, json_t **ret, struct cut_err *err);
bool cut_cli_color(FILE *out);
