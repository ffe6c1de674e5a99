/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/cli.h"

#include "engine/base/near.h"
#include "engine/cli/print.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HELP_COLUMN 24

static const struct cut_cli_option common[] = {
	{"output", "text|json", "how to print: for people (default) or for programs"},
	{"state-dir", "DIR",
	 "where runs are kept (default $CUTOVER_STATE_DIR, ~/.local/state/cutover)"},
	{"plugin-dir", "DIR",
	 "where plugins are (default $CUTOVER_PLUGIN_DIR, the installation's)"},
	{"set", "NAME=VALUE", "a parameter of the runbook; may be repeated"},
	{"params", "FILE", "parameters from a YAML or JSON file"},
	{"large", NULL, "accept a runbook of up to 64 MiB"},
	{"help", NULL, "this text"},
	{NULL, NULL, NULL},
};

static const struct cut_cli_option *option_named(const struct cut_command *command,
						 const char *name)
{
	const struct cut_cli_option *tables[] = {common, command->options};

	for (size_t i = 0; i < CUT_ARRAY_LEN(tables); i++) {
		for (const struct cut_cli_option *o = tables[i]; o && o->name; o++) {
			if (strcmp(o->name, name) == 0)
				return o;
		}
	}
	return NULL;
}

__attribute__((format(printf, 3, 4))) static int usage(struct cut_args *args, const char *next,
						       const char *fmt, ...)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *help = NULL;
	cut_auto(cut_buf) struct cut_buf what = {0};
	va_list ap;

	if (!next && args->command)
		next = help = cut_printf("see `cutover %s --help`", args->command->name);
	va_start(ap, fmt);
	cut_buf_vprintf(&what, fmt, ap);
	va_end(ap);
	cut_err_set(&err, -EINVAL, NULL, next ? next : "see `cutover help`", "%s",
		    cut_buf_str(&what));
	return cut_cli_fail(args, &err, CUT_EXIT_USAGE);
}

static int unknown_option(struct cut_args *args, const char *name)
{
	const struct cut_cli_option *tables[] = {common, args->command->options};
	struct cut_near near = {.word = name};
	cut_auto(cut_str) char *next = NULL;

	for (size_t i = 0; i < CUT_ARRAY_LEN(tables); i++) {
		for (const struct cut_cli_option *o = tables[i]; o && o->name; o++)
			cut_near_try(&near, o->name);
	}
	if (near.best)
		next = cut_printf("did you mean --%s?", near.best);
	else if (args->command->max_args > 0)
		next = cut_printf("see `cutover %s --help`; an argument that begins with - stands "
				  "after --",
				  args->command->name);
	return usage(args, next, "unknown option --%s", name);
}

static int find_command(int argc, char **argv, struct cut_args *ret, int *ret_used)
{
	struct cut_near near = {.word = argv[1]};
	cut_auto(cut_str) char *two = NULL, *next = NULL;
	cut_auto(cut_buf) struct cut_buf longer = {0};
	size_t len = strlen(argv[1]);

	if (argc > 2)
		two = cut_printf("%s %s", argv[1], argv[2]);
	for (const struct cut_command *c = cut_commands; c->name; c++) {
		if (two && strcmp(c->name, two) == 0) {
			ret->command = c;
			*ret_used = 3;
			return 0;
		}
		if (strcmp(c->name, argv[1]) == 0) {
			ret->command = c;
			*ret_used = 2;
		}
		if (strncmp(c->name, argv[1], len) == 0 && c->name[len] == ' ')
			cut_buf_printf(&longer, "%s`cutover %s`", longer.len ? " or " : "",
				       c->name);
		cut_near_try(&near, c->name);
	}
	if (ret->command)
		return 0;
	if (longer.len)
		return usage(ret, cut_buf_str(&longer), "%s wants a second word", argv[1]);
	if (near.best)
		next = cut_printf("did you mean `cutover %s`?", near.best);
	return usage(ret, next, "unknown command '%s'", argv[1]);
}

static int take_option(struct cut_args *args, char *text, char **argv, int argc, int *at)
{
	char *equals = strchr(text, '=');
	const char *value = equals ? equals + 1 : NULL;
	cut_auto(cut_str) char *name =
		cut_strndup(text, equals ? (size_t)(equals - text) : strlen(text));
	const struct cut_cli_option *o = option_named(args->command, name);

	if (!o)
		return unknown_option(args, name);
	if (!o->value && value)
		return usage(args, NULL, "--%s takes no value", o->name);
	if (o->value && !value) {
		if (*at + 1 >= argc)
			return usage(args, NULL, "--%s wants a value", o->name);
		value = argv[++*at];
	}
	if (args->given_len == CUT_ARGS_MAX)
		return usage(args, NULL, "too many options");
	args->given[args->given_len].name = o->name;
	args->given[args->given_len++].value = value ? value : "";
	return 0;
}

/* Not so the numbers of an expression: -1, --1, -(2 + 3). */
static bool looks_like_option(const char *text)
{
	return text[0] == '-' && isalpha((unsigned char)text[strspn(text, "-")]);
}

static int check_output(struct cut_args *args)
{
	const char *output = cut_args_value(args, "output");

	if (!output || strcmp(output, "text") == 0)
		return 0;
	if (strcmp(output, "json") != 0)
		return usage(args, "it may be text or json", "--output %s", output);
	args->json = true;
	return 0;
}

static int later_command(int argc, char **argv, const struct cut_args *args, bool *ret_help)
{
	cut_auto(cut_err) struct cut_err err = {0};

	for (int i = 2; i < argc; i++)
		*ret_help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	if (*ret_help)
		return 0;
	cut_err_set(&err, -ENOTSUP, "not supported yet", "`cutover help` lists what there is", "%s",
		    args->command->name);
	return cut_cli_fail(args, &err, CUT_EXIT_REFUSED);
}

int cut_args_parse(int argc, char **argv, struct cut_args *ret, bool *ret_help)
{
	bool only_positional = false;
	int r, at;

	*ret = (struct cut_args){0};
	for (int i = 1; i + 1 < argc; i++) /* so that errors on the way are printed as asked for */
		ret->json |= strcmp(argv[i], "--output") == 0 && strcmp(argv[i + 1], "json") == 0;
	for (int i = 1; i < argc; i++)
		ret->json |= strcmp(argv[i], "--output=json") == 0;
	r = find_command(argc, argv, ret, &at);
	if (r)
		return r;
	if (!ret->command->run) /* its options are a later version's, too */
		return later_command(argc, argv, ret, ret_help);
	for (; at < argc; at++) {
		char *text = argv[at];

		if (!only_positional && strcmp(text, "--") == 0) {
			only_positional = true;
		} else if (!only_positional && strcmp(text, "-f") == 0 &&
			   option_named(ret->command, "follow")) {
			r = take_option(ret, (char[]){"follow"}, argv, argc, &at);
		} else if (!only_positional && strcmp(text, "-h") == 0) {
			r = take_option(ret, (char[]){"help"}, argv, argc, &at);
		} else if (!only_positional && strncmp(text, "--", 2) == 0 &&
			   looks_like_option(text)) {
			r = take_option(ret, text + 2, argv, argc, &at);
		} else if (!only_positional && looks_like_option(text)) {
			r = unknown_option(ret, text + 1);
		} else if (ret->positional_len == CUT_ARGS_MAX) {
			r = usage(ret, NULL, "too many arguments");
		} else {
			ret->positional[ret->positional_len++] = text;
		}
		if (r)
			return r;
	}
	*ret_help = cut_args_has(ret, "help");
	r = check_output(ret);
	if (r || *ret_help)
		return r;
	if (ret->positional_len < ret->command->min_args)
		return usage(ret, NULL, "%s wants %s", ret->command->name, ret->command->synopsis);
	if (ret->positional_len > ret->command->max_args)
		return usage(ret, NULL, "one argument too many: '%s'",
			     ret->positional[ret->command->max_args]);
	return 0;
}

bool cut_args_has(const struct cut_args *args, const char *name)
{
	return cut_args_value(args, name) != NULL;
}

const char *cut_args_value(const struct cut_args *args, const char *name)
{
	for (size_t i = args->given_len; i > 0; i--) {
		if (strcmp(args->given[i - 1].name, name) == 0)
			return args->given[i - 1].value;
	}
	return NULL;
}

/* Words in lines of at most CUT_WIDTH columns; the first line has `used` of them already. */
static void print_wrapped(const char *text, size_t used, FILE *out)
{
	size_t at = used;

	for (const char *word = text; *word; word += strspn(word, " ")) {
		size_t len = strcspn(word, " ");

		if (at > HELP_COLUMN && at + 1 + len > CUT_WIDTH)
			at = (size_t)fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
		at += (size_t)fprintf(out, "%*s%.*s",
				      at < HELP_COLUMN ? (int)(HELP_COLUMN - at + 1) : 1, "",
				      (int)len, word);
		word += len;
	}
	fputc('\n', out);
}

static void print_options(const struct cut_cli_option *o, FILE *out)
{
	for (; o && o->name; o++) {
		int n = fprintf(out, "  --%s%s%s", o->name, o->value ? " " : "",
				o->value ? o->value : "");

		print_wrapped(o->help, (size_t)n, out);
	}
}

void cut_args_help(const struct cut_command *command, FILE *out)
{
	fprintf(out, "cutover %s [OPTIONS]%s%s\n%s%s\n\n", command->name,
		*command->synopsis ? " " : "", command->synopsis, command->help,
		command->run ? "" : " Not supported yet.");
	if (command->options && command->options->name) {
		print_options(command->options, out);
		fputc('\n', out);
	}
	print_options(common, out);
}

int cut_cli_exit(const struct cut_err *err)
{
	switch (err->code) {
	case -EPERM:
	case -EACCES:
	case -EBUSY:
	case -EALREADY:
	case -EEXIST:
	case -ENOTSUP:
	case -ESTALE:
	case -ENOENT:
	case -ESRCH:
	case -ENOTCONN:
	case -ENOSPC:
	case -EROFS:
	case -EDQUOT:
	case -ESHUTDOWN: return CUT_EXIT_REFUSED;
	case -ENOTUNIQ:
	case -EISDIR:
	case -ENOTDIR:
	case -ELOOP:
	case -ENAMETOOLONG:
	case -EINVAL: return CUT_EXIT_USAGE;
	case -EBADMSG:
	case -EPROTO: return CUT_EXIT_AUDIT;
	default: return CUT_EXIT_INTERNAL;
	}
}

int cut_cli_fail(const struct cut_args *args, const struct cut_err *err, int exit_code)
{
	if (args->json) {
		cut_auto(cut_json) json_t *json = json_pack("{s:o}", "error", cut_err_json(err));

		cut_print_json(json, stderr);
	} else {
		cut_auto(cut_str) char *text = cut_err_text(err);

		fprintf(stderr, "cutover: %s\n", text);
	}
	return exit_code;
}

#define JSON_FILE_MAX_BYTES (4u << 20) /* in memory its values take some times as much */

int cut_cli_load_json(const char *path, json_t **ret, struct cut_err *err)
{
	cut_auto(cut_buf) struct cut_buf text = {.max_bytes = JSON_FILE_MAX_BYTES + 65536};
	FILE *file = fopen(path, "re");
	size_t n = 1;
	int r = 0;

	if (!file) {
		cut_err_sys(err, -errno, NULL, "cannot read %s", path);
		return err->code = -EINVAL; /* what was typed is wrong, not the machine */
	}
	while (n > 0) {
		char *at = cut_buf_reserve(&text, 65536);

		n = at ? fread(at, 1, 65536, file) : 0;
		text.len += n;
	}
	if (ferror(file))
		r = cut_err_sys(err, -errno, NULL, "cannot read %s", path);
	fclose(file);
	if (r < 0)
		return err->code = -EINVAL;
	if (text.error)
		return cut_err_set(err, -EINVAL, "it is larger than 4 MiB", "give less at a time",
				   "cannot read %s", path);
	return cut_json_parse(cut_buf_str(&text), text.len, path, ret, err);
}

void cut_cli_print_json(const json_t *json)
{
	cut_auto(cut_str) char *text = cut_json_text(json, CUT_JSON_INDENTED);

	puts(text);
}

bool cut_cli_color(FILE *out)
{
	const char *no = getenv("NO_COLOR");

	return cut_is_screen(out) && !(no && *no);
}
