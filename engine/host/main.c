/* SPDX-License-Identifier: Apache-2.0 */
/* cutover-host: started by the engine, one for each plugin of a run.
 *
 *	cutover-host [--keep-out FOLDER] [--plugin PATH]
 *		serves frames on descriptor 3; without PATH the built-in steps
 *	cutover-host --describe [PATH]
 *		prints what a plugin offers, as JSON, and ends
 *	cutover-host --check [PATH]
 *		reads a list of {action, params}, prints why each cannot be, or null, and ends */
#include "engine/host/host.h"

#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "engine/base/proc.h"
#include "engine/base/rank.h"
#include "engine/host/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINK_FD = 3, LOCK_FD = 4 };

struct options {
	const char *plugin;
	const char *keep_out; /* a folder in which a plugin must not write */
	bool describe, check;
};

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"check", no_argument, NULL, 'c'},
		{"describe", no_argument, NULL, 'd'},
		{"keep-out", required_argument, NULL, 'k'},
		{"plugin", required_argument, NULL, 'p'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'c')
			o->check = true;
		else if (c == 'd')
			o->describe = true;
		else if (c == 'k')
			o->keep_out = optarg;
		else if (c == 'p')
			o->plugin = optarg;
		else
			return -EINVAL;
	}
	if ((o->describe || o->check) && optind < argc)
		o->plugin = argv[optind++];
	return optind == argc ? 0 : -EINVAL;
}

/* A host must not outlive its engine. The signal is for a death from now on; if the engine died
 * before, our parent is no longer the process that made the socket. */
static int follow_engine(void)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getsockopt(LINK_FD, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	return peer.pid > 0 && peer.pid != getppid() ? -ESRCH : 0;
}

/* Where the one answer goes; what a plugin prints is none, and goes to standard error. */
static FILE *take_output(void)
{
	FILE *out = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), "w");

	if (!out)
		fprintf(stderr, "cutover-host: no place for an answer: %s\n", strerror(errno));
	dup2(STDERR_FILENO, STDOUT_FILENO);
	return out;
}

static int print_descriptor(const struct cut_plugin *plugin, const char *path, const char *digest,
			    FILE *out)
{
	cut_auto(cut_json) json_t *descriptor = host_describe(plugin, path, digest);
	int r;

	if (!descriptor) {
		fprintf(stderr,
			"cutover-host: will not load plugin %s: an action, metric or connection "
			"has no name, or a text that is not UTF-8\n",
			path);
		return 1;
	}
	r = json_dumpf(descriptor, out, JSON_COMPACT | JSON_SORT_KEYS);
	fputc('\n', out);
	return r < 0 || fflush(out) == EOF;
}

static void host_free(struct host *host)
{
	if (host->plugin->fini && host->run)
		host->plugin->fini(host->self);
	for (size_t i = 0; i < HOST_ENDED_KEPT; i++)
		free(host->ended[i]);
	json_decref(host->descriptor);
	json_decref(host->connections);
	json_decref(host->addresses);
	cut_json_wipe(host->secrets);
	cut_buf_done(&host->in);
	cut_buf_done(&host->out);
	free(host->run);
	free(host);
}

/* Ends once the link is closed and no command is left; what a plugin still has on the loop then
 * (a connection, a lookup) ends with the process. */
static void run_loop(struct host *host)
{
	enum { TURNS_TO_CLOSE = 3 };

	while (!host->closing || host->children)
		uv_run(&host->loop, UV_RUN_ONCE);
	for (int i = 0; i < TURNS_TO_CLOSE; i++)
		uv_run(&host->loop, UV_RUN_NOWAIT);
	if (uv_loop_close(&host->loop) < 0)
		_exit(host->exit_code); /* not even for a lookup of a dead resolver do we wait */
}

static int serve(const struct cut_plugin *plugin, const char *path, const char *digest)
{
	struct host *host = cut_new(struct host);
	int r;

	host->plugin = plugin;
	host->descriptor = host_describe(plugin, path, digest);
	cut_rank_take(CUT_RANK_OF_HOST);
	uv_loop_init(&host->loop);
	r = host_link_open(host, LINK_FD);
	if (r < 0) {
		fprintf(stderr, "cutover-host: no link to an engine on descriptor %d: %s\n",
			LINK_FD, strerror(-r));
		host_free(host);
		return 2;
	}
	run_loop(host);
	r = host->exit_code;
	host_free(host);
	return r;
}

/* The engine reads why from the link; a person who started this by hand, from standard error. */
static int report_fault(const struct cut_err *err, bool to_engine)
{
	cut_auto(cut_str) char *text = cut_err_text(err);

	fprintf(stderr, "cutover-host: %s\n", text);
	if (to_engine)
		host_link_refuse(LINK_FD, text);
	return 1;
}

int main(int argc, char **argv)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_str) char *digest = NULL;
	const struct cut_plugin *plugin;
	struct options o = {0};
	FILE *out = NULL;
	bool serves;
	int r;

	cut_json_use_alloc();
	cut_crypto_use_alloc();
	uv_replace_allocator(cut_malloc, cut_realloc, cut_calloc, free);
	cut_proc_open_standard();
	signal(SIGPIPE, SIG_IGN);
	if (parse_options(argc, argv, &o) < 0) {
		fprintf(stderr,
			"usage: cutover-host [--keep-out FOLDER] [--plugin PATH] | --describe "
			"[PATH] | --check [PATH]\n");
		return 2;
	}
	serves = !o.describe && !o.check;
	if (serves) {
		fcntl(LINK_FD, F_SETFD, FD_CLOEXEC);
		fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC); /* if there is one */
		cut_log_open(STDERR_FILENO, CUT_LOG_INFO, "host");
		r = follow_engine();
		if (r < 0) {
			fprintf(stderr, "cutover-host: no engine on descriptor %d: %s\n", LINK_FD,
				strerror(-r));
			return 2;
		}
	}
	if (!serves && !(out = take_output()))
		return 1;
	host_confine(o.plugin != NULL, o.keep_out);
	r = host_load(o.plugin, &plugin, &digest, &err);
	if (r < 0)
		return report_fault(&err, serves);
	return o.describe ? print_descriptor(plugin, o.plugin, digest, out)
	       : o.check  ? host_check(plugin, out)
			  : serve(plugin, o.plugin, digest);
}
