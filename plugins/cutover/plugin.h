/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin ABI: what a shared object offers to `cutover-host` and what it is given. This is the
 * only header of cutover that a plugin includes; the built-in actions use it too.
 *
 *	static const struct cut_action set_ttl = {
 *		.name = "set_ttl", .help = "lowers or restores the TTL of records",
 *		.params = set_ttl_params, .outputs = set_ttl_outputs,
 *		.class = CUT_DECLARATIVE, .effects = CUT_WRITE | CUT_SAVES,
 *		.plan = set_ttl_plan, .apply = set_ttl_apply, .verify = set_ttl_verify,
 *		.observe = set_ttl_observe, .rollback = set_ttl_rollback,
 *	};
 *	const struct cut_plugin *cut_plugin_v1(void) { return &dns; }
 *
 * Rules: operations run on the host's loop and never block; each ends with exactly one done(), also
 * after cancel (which only asks). plan, check, verify and observe change nothing. rollback is safe
 * to repeat and to run after a half-done apply. A NULL operation means "cannot". */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CUT_PLUGIN_MAGIC 0x43555456u /* "CUTV" */
#define CUT_PLUGIN_MAJOR 1	     /* in the symbol's name too; another major is not loaded */
#define CUT_PLUGIN_MINOR 0	     /* a plugin may be older than the host, not newer */

/* How an operation ended. For observe: OK applied (data = outputs), RETRY not applied, FAIL
 * conflict, UNKNOWN cannot tell. For a sample: OK with data {"value": number, "n": number or
 * absent, "at": RFC 3339 or absent} or {"value": null} for missing; FAIL an error of the source. */
enum cut_status {
	CUT_OK,
	CUT_FAIL,
	CUT_RETRY,    /* failed, and trying again may help; nothing was changed */
	CUT_CANCELED, /* ended by cancel; what was done so far may have landed */
	CUT_UNKNOWN,  /* a request may still land: the engine observes before it decides */
};

/* Types of parameters and outputs. In JSON: durations are seconds (a number), percent is a fraction
 * (2 % = 0.02), size is bytes, time is RFC 3339, connection and secret are names. */
enum cut_type {
	CUT_T_STRING,
	CUT_T_INT,
	CUT_T_NUMBER,
	CUT_T_BOOL,
	CUT_T_DURATION,
	CUT_T_PERCENT,
	CUT_T_TIME,
	CUT_T_FQDN,
	CUT_T_IP,
	CUT_T_URL,
	CUT_T_SIZE,
	CUT_T_CHOICE,	  /* range: "a|b|c" */
	CUT_T_LIST,	  /* of anything; range names the item's type: "string", "fqdn", "map" */
	CUT_T_MAP,	  /* name → anything; range as for lists: "percent" */
	CUT_T_JSON,	  /* any value */
	CUT_T_EXPR,	  /* an expression of the runbook language, text or list of texts */
	CUT_T_CONNECTION, /* range: plugin or plugin.provider it must be of */
	CUT_T_SECRET,	  /* the name of a secret */
	CUT_T_RATE,	  /* "1/s" "30/m"; in JSON per second */
	CUT_T_ARGV,	  /* list of texts, or one text split as a POSIX shell splits words */
};

enum {
	CUT_P_REQUIRED = 1u << 0,
	CUT_P_LIST = 1u << 1, /* one or a list of this type; always a list in JSON */
	CUT_P_PATH = 1u << 2, /* a file name: relative ones start at the runbook's folder */
};

/* A row of a table of parameters, outputs or connection keys; the table ends with name NULL. */
struct cut_param {
	const char *name;
	enum cut_type type;
	uint32_t flags;
	const char *fallback; /* as it would be written in a runbook; NULL: absent */
	const char *range;    /* see the type; for numbers and durations "min..max", either open */
	const char *help;
};

/* What a resume after a crash may do without a person. */
enum cut_class {
	CUT_DECLARATIVE, /* sets a target state: may be applied again */
	CUT_DEDUP,	 /* the target honours the key: resent with the same one */
	CUT_PROBE,	 /* observe first, then decide */
	CUT_OPAQUE,	 /* a person decides */
};

enum {
	CUT_READ = 1u << 0,
	CUT_WRITE = 1u << 1,
	CUT_TRAFFIC = 1u << 2,
	CUT_DESTROY = 1u << 3,
	CUT_SAVES = 1u << 4, /* save() comes before its first change, in every attempt */
	CUT_KEYS_BODY =
		1u << 5, /* class, effects, outputs are given by the step (exec, http, drill) */
	CUT_NO_UNDO = 1u << 6, /* writes, but there is nothing to undo (notify) */
};

struct cut_host_api;
struct uv_loop_s;

/* One operation on its way. Owned by the host and valid until done() returns. */
struct cut_call {
	const struct cut_host_api *api;
	void *plugin;			   /* what init() made */
	void *data;			   /* the operation's own */
	const char *run, *step, *op, *key; /* key: the same for every repetition of one operation */
	unsigned attempt;
	int64_t deadline;     /* ms on the clock of now() */
	const json_t *params; /* checked, defaults filled in */
	const json_t *saved;  /* what save() stored for this step, or NULL */
};

typedef void cut_op_fn(struct cut_call *call);
typedef void cut_timer_fn(struct cut_call *call);
typedef void cut_saved_fn(struct cut_call *call);

struct cut_http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	const char *body;	    /* NULL: none */
	size_t body_len;
	int64_t timeout_ms;    /* 0: until the call's deadline */
	size_t max_body_bytes; /* 0: 1 MiB; more is an error */
	const char *ca_file;   /* NULL: the system's */
	const char *resolve;   /* NULL, or an address to connect to instead of resolving the host */
	const char *user;      /* "name:password" for basic auth, or NULL */
	int follow;	       /* redirects to the same host, at most 5 */
};

struct cut_http_reply {
	int error;	  /* 0, or negative errno: nothing usable came back */
	const char *text; /* why, when error */
	int sent;	  /* the request may have reached the server */
	long status;	  /* 200 … */
	const char *body; /* NUL-terminated */
	size_t body_len;
	const char *headers; /* raw, CRLF between */
	int64_t total_ms;
	double total_s;
};
typedef void cut_http_fn(struct cut_call *call, const struct cut_http_reply *reply);

struct cut_child {
	const char *const *argv;
	const char *const *env; /* whole environment, "NAME=value", NULL-terminated; NULL: the
				   host's short one */
	const char *cwd;	/* NULL: the runbook's folder */
	const char *input;	/* standard input, or NULL */
	size_t input_len;
	size_t max_output_bytes; /* kept of each stream, the last so many; 0: 64 KiB */
};

struct cut_child_result {
	int error;  /* 0, or negative errno: it did not start */
	int status; /* exit code, or 128 + signal */
	const char *out, *err;
	size_t out_len, err_len;
	int killed; /* its deadline passed or the call was canceled: the process group is gone and
		       reaped */
};
typedef void cut_child_fn(struct cut_call *call, const struct cut_child_result *result);

/* What the host does for a plugin. A plugin checks size before it uses a member that a later minor
 * version added. */
struct cut_host_api {
	uint32_t size;
	/* Ends the call, exactly once; data is stolen (may be NULL): outputs, or {"changes":
	 * [{"what", "before", "after"}]} of a plan. The call is gone afterwards. */
	void (*done)(struct cut_call *call, enum cut_status status, const char *text, json_t *data);
	/* Stores the state that is about to be changed and calls then() once it is durable. The
	 * first of a step wins: later ones call then() with call->saved as it was. state is stolen.
	 * 0 or negative errno. */
	int (*save)(struct cut_call *call, json_t *state, cut_saved_fn *then);
	void (*progress)(struct cut_call *call, double fraction, const char *text);
	void (*note)(struct cut_call *call, int level, const char *fmt, ...)
		__attribute__((format(printf, 3, 4))); /* level: 0 debug … 3 error */
	int64_t (*now)(struct cut_call *call);	       /* ms, boot-time clock */
	/* Calls fn once after ms unless the call ended before; any number may be pending. */
	int (*after)(struct cut_call *call, int64_t ms, cut_timer_fn *fn);
	/* One request; fn is called exactly once while the call lives, and never from within, also
	 * for a request that could not even start. Negative errno: misuse, fn is not called. TLS is
	 * verified. */
	int (*http)(struct cut_call *call, const struct cut_http_request *request, cut_http_fn *fn);
	/* One child in its own process group; killed with the call's deadline or cancel. fn as for
	 * http. */
	int (*spawn)(struct cut_call *call, const struct cut_child *child, cut_child_fn *fn);
	const json_t *(*connection)(struct cut_call *call, const char *name); /* checked; or NULL */
	const char *(*secret)(struct cut_call *call, const char *name);	      /* value, or NULL */
	struct uv_loop_s *(*loop)(struct cut_call *call);
	/* A call of the plugin's own, for what goes on between the engine's calls, such as probing.
	 * It has no params and no deadline, may use http, spawn, after, secret and connection, and
	 * lives until done(), of which the engine hears nothing, or the host's end. data is the
	 * plugin's. */
	struct cut_call *(*background)(struct cut_call *call, void *data);
};

struct cut_action {
	const char *name, *help;
	const struct cut_param *params, *outputs;
	enum cut_class class;
	uint32_t effects;
	/* Pure; runs in `validate` where all parameters are known. 0, or negative with the reason.
	 */
	int (*check)(const json_t *params, char *why, size_t len);
	cut_op_fn *plan, *apply, *verify, *observe, *rollback, *cancel;
};

struct cut_meter {
	const char *name, *unit, *help;
	const struct cut_param *params;
	cut_op_fn *sample, *cancel;
};

/* A connection's table belongs to a provider: connections of {plugin: dns, provider: rfc2136}. */
struct cut_provider {
	const char *name, *help;
	const struct cut_param *params;
};

struct cut_plugin {
	uint32_t magic; /* CUT_PLUGIN_MAGIC */
	uint16_t major, minor;
	const char *name, *version, *license, *help;
	const struct cut_provider *providers;	 /* ends with name NULL; NULL: no connections */
	const struct cut_action *const *actions; /* NULL-terminated, or NULL */
	const struct cut_meter *const *meters;	 /* NULL-terminated, or NULL */
	/* Once a host, before the first call; self may stay NULL. 0 or negative errno. */
	int (*init)(const struct cut_host_api *api, struct uv_loop_s *loop, void **self);
	void (*fini)(void *self);
};

/* The one exported symbol. */
__attribute__((visibility("default"))) const struct cut_plugin *cut_plugin_v1(void);

#ifdef __cplusplus
}
#endif
