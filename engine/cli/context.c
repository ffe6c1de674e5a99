/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/context.h"

#include "config.h"
#include "engine/base/vec.h"
#include "engine/cli/print.h"
#include "engine/runtime/hostlink.h"
#include "engine/runtime/replay.h"
#include "engine/runtime/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- places --- */

/* The folder of the running program, "" where it cannot be told. */
static char *program_folder(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0)
		return cut_strdup("");
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return cut_strdup(path);
}

void cut_places_find(const struct cut_args *args, struct cut_places *ret)
{
	cut_auto(cut_str) char *folder = program_folder();
	cut_auto(cut_str) char *tree_host = cut_printf("%s/../host/cutover-host", folder);
	bool in_tree = access(tree_host, X_OK) == 0;
	const char *plugins = cut_args_value(args, "plugin-dir");

	if (!plugins)
		plugins = getenv("CUTOVER_PLUGIN_DIR");
	if (plugins && *plugins)
		ret->plugin_dir = cut_strdup(plugins);
	else
		ret->plugin_dir = in_tree ? cut_printf("%s/../../plugins", folder)
					  : cut_strdup(CUT_INSTALLED_PLUGINS);
	ret->host_path = in_tree ? cut_take(tree_host) : cut_strdup(CUT_INSTALLED_HOST);
}

int cut_places_of_runs(const struct cut_args *args, struct cut_places *ret, struct cut_err *err)
{
	cut_places_find(args, ret);
	return cut_state_dir(cut_args_value(args, "state-dir"), &ret->state_dir, err);
}

void cut_places_done(struct cut_places *places)
{
	free(places->state_dir);
	free(places->plugin_dir);
	free(places->host_path);
	*places = (struct cut_places){0};
}

/* In the plugin directory itself, or in a folder of its name as in a build tree. Owned by the
 * caller; NULL for the built-in `core`. */
static char *plugin_path(const struct cut_places *places, const char *name)
{
	char *path;

	if (strcmp(name, "core") == 0)
		return NULL;
	path = cut_printf("%s/%s.so", places->plugin_dir, name);
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return cut_printf("%s/%s/%s.so", places->plugin_dir, name, name);
}

/* --- plugins --- */

static int catalog_load(const struct cut_places *places, const char *name,
			struct cut_catalog *catalog, struct cut_err *err)
{
	cut_auto(cut_str) char *path = plugin_path(places, name);
	cut_auto(cut_json) json_t *descriptor = NULL;
	int r;

	if (cut_catalog_plugin(catalog, name))
		return 0;
	if (path && access(path, F_OK) < 0)
		return cut_err_set(err, -ENOENT, "there is no such plugin",
				   "`cutover plugins` lists them", "plugin %s is not in %s", name,
				   places->plugin_dir);
	r = cut_host_describe(places->host_path, path, &descriptor, err);
	if (r == -ENOENT)
		return -ENOEXEC; /* it is the host that is not there, which no other plugin mends */
	return r < 0 ? r : cut_catalog_add(catalog, descriptor, err);
}

int cut_catalog_load_all(const struct cut_places *places, struct cut_catalog *catalog,
			 struct cut_err *err)
{
	struct dirent **entries = NULL;
	int len = scandir(places->plugin_dir, &entries, NULL, alphasort);
	int r = catalog_load(places, "core", catalog, err);

	for (int i = 0; i < len; i++) {
		cut_auto(cut_str) char *name = cut_strdup(entries[i]->d_name);
		cut_auto(cut_str) char *path = NULL;
		char *dot = strrchr(name, '.');

		if (dot && strcmp(dot, ".so") == 0)
			*dot = '\0';
		free(entries[i]);
		if (name[0] == '.' || name[0] == '\0')
			continue;
		path = plugin_path(places, name);
		if (path && access(path, F_OK) == 0) {
			cut_auto(cut_err) struct cut_err ignored = {0};
			int one = catalog_load(places, name, catalog, r < 0 ? &ignored : err);

			r = r < 0 ? r : one;
		}
	}
	free(entries);
	return r;
}

/* What the loader calls for each plugin that a runbook names. */
static int need_plugin(void *data, const char *name, struct cut_err *err)
{
	struct cut_context *ctx = data;

	int r = catalog_load(&ctx->places, name, &ctx->catalog, err);

	/* no such plugin: those that are there may bear a name like it */
	if (r == -ENOENT && !ctx->all_loaded) {
		cut_auto(cut_err) struct cut_err ignored = {0};

		ctx->all_loaded = true;
		cut_catalog_load_all(&ctx->places, &ctx->catalog, &ignored);
	}
	return r;
}

/* The plugins' own word on parameters that are known; they change nothing and ask nobody. */
static int check_params(void *data, const char *name, const json_t *calls, json_t **ret,
			struct cut_err *err)
{
	struct cut_context *ctx = data;
	cut_auto(cut_str) char *path = plugin_path(&ctx->places, name);

	return cut_host_check(ctx->places.host_path, path, calls, ret, err);
}

/* --- parameters --- */

static int add_set(json_t *set, const char *text, struct cut_err *err)
{
	const char *equals = strchr(text, '=');
	cut_auto(cut_str) char *name = NULL;

	if (!equals || equals == text)
		return cut_err_set(err, -EINVAL, "it is not NAME=VALUE", NULL, "--set %s", text);
	name = cut_strndup(text, (size_t)(equals - text));
	json_object_set_new(set, name, json_string(equals + 1));
	return 0;
}

static int read_parameters(const struct cut_args *args, struct cut_faults *faults,
			   json_t **ret_params, json_t **ret_set, struct cut_err *err)
{
	const char *file = cut_args_value(args, "params");
	cut_auto(cut_json) json_t *set = json_object();

	if (file) {
		int r = cut_params_read(file, faults, ret_params, err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < args->given_len; i++) {
		if (strcmp(args->given[i].name, "set") == 0 &&
		    add_set(set, args->given[i].value, err) < 0)
			return -EINVAL;
	}
	*ret_set = cut_take(set);
	return 0;
}

/* --- the runbook --- */

/* An error like all others under --output json, and what `validate` says. */
static json_t *refusal_json(const char *path, const struct cut_faults *faults)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *why =
		cut_printf("%zu error%s", faults->errors, faults->errors == 1 ? "" : "s");

	cut_err_set(&err, -EINVAL, why, "mend what `faults` names", "%s is not valid", path);
	return json_pack("{s:o, s:b, s:o}", "error", cut_err_json(&err), "ok", false, "faults",
			 cut_faults_json(faults));
}

static int print_faults(const struct cut_args *args, const char *path,
			const struct cut_faults *faults)
{
	cut_auto(cut_buf) struct cut_buf text = {0};

	if (args->json) {
		cut_auto(cut_json) json_t *json = refusal_json(path, faults);

		cut_print_json(json, stderr);
	} else {
		cut_faults_print(faults, cut_cli_color(stderr), &text);
		fputs(cut_buf_str(&text), stderr);
	}
	return CUT_EXIT_USAGE;
}

int cut_context_load(const struct cut_args *args, const char *path, bool quiet,
		     struct cut_context *ctx)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *set = NULL, *params = NULL;
	struct cut_load_options options = {
		.catalog = &ctx->catalog,
		.need_plugin = need_plugin,
		.check_params = check_params,
		.need_data = ctx,
		.large = cut_args_has(args, "large"),
	};
	int r = read_parameters(args, &ctx->faults, &params, &set, &err);

	cut_places_find(args, &ctx->places);
	options.set = set;
	options.params = params;
	if (r == 0)
		r = cut_runbook_load(path, &options, &ctx->faults, &ctx->rb, &err);
	if (ctx->faults.errors > 0 && quiet)
		return CUT_EXIT_USAGE;
	if (ctx->faults.len > 0 && !quiet && !(args->json && ctx->faults.errors == 0))
		print_faults(args, path, &ctx->faults);
	if (ctx->faults.errors > 0)
		return CUT_EXIT_USAGE;
	if (r < 0)
		return cut_cli_fail(args, &err,
				    r == -EINVAL || r == -ENOENT ? CUT_EXIT_USAGE
								 : cut_cli_exit(&err));
	ctx->graph = ctx->rb->graph;
	return 0;
}

static int read_whole(const char *path, struct cut_buf *out, struct cut_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return cut_err_sys(err, -errno, NULL, "cannot read %s", path);
	while (n > 0) {
		char *at = cut_buf_reserve(out, 1 << 16);

		n = read(fd, at, 1 << 16);
		if (n > 0)
			out->len += (size_t)n;
	}
	close(fd);
	return n < 0 ? cut_err_sys(err, -EIO, NULL, "cannot read %s", path) : 0;
}

/* The runbook was fine when it was armed: plugins must have changed since. */
static int no_longer(const char *dir, const struct cut_faults *faults, struct cut_err *err)
{
	return cut_err_set(err, -EINVAL, faults->items[0].what,
			   "put the plugins back that the run was armed with",
			   "the runbook of %s cannot be used any more", dir);
}

int cut_context_of_run(const struct cut_args *args, const char *dir, struct cut_context *ctx,
		       struct cut_err *err)
{
	cut_auto(cut_json) json_t *armed = NULL;
	cut_auto(cut_buf) struct cut_buf text = {0};
	cut_auto(cut_str) char *path = cut_printf("%s/runbook.json", dir);
	struct cut_load_options options = {
		.catalog = &ctx->catalog,
		.need_plugin = need_plugin,
		.need_data = ctx,
		.large = true,
	};
	int r = cut_replay_armed(dir, &armed, err);

	if (!ctx->places.host_path)
		cut_places_find(args, &ctx->places);
	if (r == 0)
		r = read_whole(path, &text, err);
	options.resolved = json_object_get(armed, "parameters");
	if (r == 0)
		r = cut_runbook_load_text(text.data, text.len, cut_json_str(armed, "file", path),
					  cut_json_str(armed, "folder", "/"), &options,
					  &ctx->faults, &ctx->rb, err);
	if (ctx->faults.errors > 0)
		return no_longer(dir, &ctx->faults, err);
	if (r == 0)
		ctx->graph = ctx->rb->graph;
	return r;
}

void cut_context_done(struct cut_context *ctx)
{
	cut_runbook_free(ctx->rb);
	cut_faults_done(&ctx->faults);
	cut_catalog_done(&ctx->catalog);
	cut_places_done(&ctx->places);
}
