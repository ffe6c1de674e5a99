/* SPDX-License-Identifier: Apache-2.0 */
/* The top level of the language: each key with its type, default and meaning. Read by the loader,
 * by the JSON Schema and by the reference page, so that none of them can say something else. */
#include "engine/runbook/load_draft.h"
#include "engine/runbook/load_language.h"

#include <stddef.h>

static const struct load_key runbook_keys[] = {
	{"cutover", LOAD_CHOICE, .flags = LOAD_REQUIRED,
	 .offset = offsetof(struct runbook_draft, version), .range = "v1",
	 .help = "v1, the version of the format"},
	{"name", LOAD_ID, .flags = LOAD_REQUIRED, .offset = offsetof(struct runbook_draft, name),
	 .help = "an id; part of the ids of its runs"},
	{"title", LOAD_TEXT, .offset = offsetof(struct runbook_draft, title),
	 .help = "shown in plan and report"},
	{"description", LOAD_TEXT, .offset = offsetof(struct runbook_draft, description),
	 .help = "shown in plan and report"},
	{"owner", LOAD_TEXT, .offset = offsetof(struct runbook_draft, owner),
	 .help = "shown in plan and report"},
	{"ticket", LOAD_TEXT, .offset = offsetof(struct runbook_draft, ticket),
	 .help = "shown in plan and report, and in refusals of locks"},
	{"links", LOAD_NODE, .shape = SHAPE_TEXT_MAP,
	 .offset = offsetof(struct runbook_draft, links),
	 .help = "name to URL, shown in plan and report"},
	{"strategy", LOAD_NODE, .flags = LOAD_NOTED, .shape = SHAPE_WORDS,
	 .offset = offsetof(struct runbook_draft, strategy),
	 .range = "big_bang|phased|blue_green|canary", .help = "selects the rules of lint"},
	{"objectives", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_OBJECTIVES,
	 .offset = offsetof(struct runbook_draft, objectives), .help = "judged in the report"},
	{"parameters", LOAD_NODE, .shape = SHAPE_MAP, .table = T_PARAMETER,
	 .offset = offsetof(struct runbook_draft, parameters),
	 .help = "what --set and --params may give"},
	{"secrets", LOAD_NODE, .shape = SHAPE_MAP, .table = T_SECRET,
	 .offset = offsetof(struct runbook_draft, secrets),
	 .help = "where secrets are read from; never literal, redacted everywhere"},
	{"environments", LOAD_NODE, .shape = SHAPE_ANY_MAP,
	 .offset = offsetof(struct runbook_draft, environments),
	 .help = "blue and green by convention; values are free"},
	{"connections", LOAD_NODE, .shape = SHAPE_ANY_MAP,
	 .offset = offsetof(struct runbook_draft, connections),
	 .help = "endpoints that actions use: {plugin, provider, …}"},
	{"window", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_WINDOW,
	 .offset = offsetof(struct runbook_draft, window), .help = "the maintenance window"},
	{"roles", LOAD_NODE, .shape = SHAPE_MAP, .table = T_ROLE,
	 .offset = offsetof(struct runbook_draft, roles), .help = "who may approve"},
	{"authority", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_AUTHORITY,
	 .offset = offsetof(struct runbook_draft, authority),
	 .help = "who may order what; absent: any operator"},
	{"sign_off", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_TABLE, .table = T_SIGN_OFF,
	 .offset = offsetof(struct runbook_draft, sign_off),
	 .help = "obtained on the plan before it may be run"},
	{"locks", LOAD_TEXTS, .offset = offsetof(struct runbook_draft, locks),
	 .help = "held for the whole run"},
	{"fqdns", LOAD_NODE, .flags = LOAD_NOTED, .shape = SHAPE_LIST, .table = T_FQDN,
	 .offset = offsetof(struct runbook_draft, fqdns), .help = "inventory of names"},
	{"clients", LOAD_NODE, .shape = SHAPE_LIST, .table = T_CLIENT,
	 .offset = offsetof(struct runbook_draft, clients),
	 .help = "client-facing changes, acknowledged with cutover ack"},
	{"data", LOAD_NODE, .flags = LOAD_NOTED, .shape = SHAPE_LIST, .table = T_DATA,
	 .offset = offsetof(struct runbook_draft, data), .help = "the data strategy"},
	{"network", LOAD_NODE, .flags = LOAD_NOTED, .shape = SHAPE_LIST, .table = T_NETWORK,
	 .offset = offsetof(struct runbook_draft, network),
	 .help = "firewall rules, ports, security groups"},
	{"metrics", LOAD_NODE, .shape = SHAPE_MAP, .table = T_METRIC,
	 .offset = offsetof(struct runbook_draft, metrics), .help = "what is watched"},
	{"baselines", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_MAP, .table = T_BASELINE,
	 .offset = offsetof(struct runbook_draft, baselines),
	 .help = "recorded key figures by metric"},
	{"triggers", LOAD_NODE, .shape = SHAPE_LIST, .table = T_TRIGGER,
	 .offset = offsetof(struct runbook_draft, triggers),
	 .help = "what turns a metric into an action"},
	{"acceptance", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_ACCEPTANCE,
	 .offset = offsetof(struct runbook_draft, acceptance), .help = "of the last phase"},
	{"downtime", LOAD_NODE, .shape = SHAPE_LIST, .table = T_DOWNTIME,
	 .offset = offsetof(struct runbook_draft, downtime),
	 .help = "clocks over times without service"},
	{"defaults", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_DEFAULTS,
	 .offset = offsetof(struct runbook_draft, defaults), .help = "for steps"},
	{"phases", LOAD_NODE, .shape = SHAPE_LIST, .table = T_PHASE,
	 .offset = offsetof(struct runbook_draft, phases), .help = "what runs, phase by phase"},
	{"steps", LOAD_NODE, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct runbook_draft, steps),
	 .help = "short for one phase called main"},
	{"rollback", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_ROLLBACK,
	 .offset = offsetof(struct runbook_draft, rollback), .help = "how a rollback runs"},
	{"finally", LOAD_NODE, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct runbook_draft, finally),
	 .help = "steps run after every outcome"},
	{"notify", LOAD_NODE, .shape = SHAPE_LIST, .table = T_NOTIFY,
	 .offset = offsetof(struct runbook_draft, notify),
	 .help = "who is told; never blocks the run"},
	{"waive", LOAD_NODE, .flags = LOAD_NOTED, .shape = SHAPE_LIST, .table = T_WAIVE,
	 .offset = offsetof(struct runbook_draft, waive),
	 .help = "rules of lint that are set aside"},
};

static const struct load_key objectives_keys[] = {
	{"rpo", LOAD_DURATION, .help = "the most data, in time, that may be lost"},
	{"rto", LOAD_DURATION, .help = "the longest time until service is back"},
	{"downtime", LOAD_DURATION, .help = "the longest time without service"},
	{"sla", LOAD_PERCENT, .range = "0%..100%", .help = "availability promised"},
};

static const struct load_key parameter_keys[] = {
	{"type", LOAD_CHOICE, .offset = offsetof(struct parameter_draft, type),
	 .fallback = "string",
	 .range = "string|int|number|bool|duration|percent|time|fqdn|ip|url|size|choice|list",
	 .help = "its type"},
	{"default", LOAD_NODE, .shape = SHAPE_ANY,
	 .offset = offsetof(struct parameter_draft, fallback), .help = "used where none is given"},
	{"required", LOAD_BOOL, .offset = offsetof(struct parameter_draft, required),
	 .fallback = "false", .help = "must be given"},
	{"choices", LOAD_NODE, .shape = SHAPE_ANY,
	 .offset = offsetof(struct parameter_draft, choices),
	 .help = "the values that it may have"},
	{"help", LOAD_TEXT, .offset = offsetof(struct parameter_draft, help),
	 .help = "shown where it is missing"},
};

static const struct load_key secret_keys[] = {
	{"file", LOAD_TEXT, .offset = offsetof(struct secret_draft, file),
	 .help = "a regular file that only its owner may read (chmod 600)"},
	{"env", LOAD_TEXT, .offset = offsetof(struct secret_draft, env),
	 .help = "from an environment variable, which a recovery after a reboot will not have"},
	{"credential", LOAD_TEXT, .offset = offsetof(struct secret_draft, credential),
	 .help = "a credential of systemd"},
	{"command", LOAD_NODE, .shape = SHAPE_ARGV,
	 .offset = offsetof(struct secret_draft, command),
	 .help = "the standard output of a command"},
};

static const struct load_key window_keys[] = {
	{"opens", LOAD_WHEN, .offset = offsetof(struct window_draft, opens),
	 .help = "RFC 3339 with an offset"},
	{"closes", LOAD_WHEN, .offset = offsetof(struct window_draft, closes),
	 .help = "RFC 3339 with an offset"},
	{"reserve_rollback", LOAD_NODE, .shape = SHAPE_DURATION_OR_WORD,
	 .offset = offsetof(struct window_draft, reserve_rollback), .fallback = "auto",
	 .range = "auto", .help = "kept free for a rollback; a duration is of a later version"},
	{"on_overrun", LOAD_WORD, .offset = offsetof(struct window_draft, on_overrun),
	 .fallback = "pause", .range = "pause|rollback|continue",
	 .help = "what happens when it closes"},
};

static const struct load_key role_keys[] = {
	{"members", LOAD_TEXTS, .flags = LOAD_REQUIRED,
	 .offset = offsetof(struct role_draft, role.members), .help = "user names"},
	{"quorum", LOAD_UINT, .offset = offsetof(struct role_draft, role.quorum), .fallback = "1",
	 .range = "1..", .help = "approvals of distinct members that are needed"},
	{"not_starter", LOAD_BOOL, .offset = offsetof(struct role_draft, role.not_starter),
	 .fallback = "false", .help = "who started the run does not count"},
	{"contact", LOAD_TEXT, .offset = offsetof(struct role_draft, role.contact),
	 .help = "how to reach them"},
	{"keys", LOAD_NODE, .shape = SHAPE_ANY_MAP, .offset = offsetof(struct role_draft, keys),
	 .help = "member → the public SSH key, or list of them, with which that member may sign "
		 "votes: lines of .pub files; a member who has one needs no account"},
};

static const struct load_key authority_keys[] = {
	{"override_window", LOAD_TEXTS, .help = "roles that may start outside the window"},
	{"freeze", LOAD_TEXTS, .help = "roles that may suspend automatic rollback"},
	{"skip", LOAD_TEXTS, .help = "roles that may skip steps"},
	{"accept_loss", LOAD_TEXTS, .help = "roles that may roll back at the price of data"},
	{"amend", LOAD_TEXTS, .flags = LOAD_LATER, .help = "roles that may change a live run"},
	{"emergency", LOAD_TEXTS, .flags = LOAD_LATER, .help = "roles that may declare blue lost"},
};

static const struct load_key sign_off_keys[] = {
	{"roles", LOAD_TEXTS, .flags = LOAD_REQUIRED, .help = "who signs"},
	{"expires", LOAD_DURATION, .fallback = "14d", .help = "how long it holds"},
	{"rehearsed_within", LOAD_DURATION, .help = "a rehearsal must be this fresh"},
};

static const struct load_key fqdn_keys[] = {
	{"name", LOAD_TEXT, .flags = LOAD_REQUIRED, .help = "the name"},
	{"decision", LOAD_CHOICE, .range = "repoint|forward|keep|retire",
	 .help = "what becomes of it"},
	{"owner", LOAD_TEXT, .help = "who answers for it"},
};

static const struct load_key client_keys[] = {
	{"id", LOAD_ID, .flags = LOAD_REQUIRED, .help = "as in cutover ack"},
	{"what", LOAD_TEXT, .flags = LOAD_REQUIRED, .help = "what changes for them"},
	{"owner", LOAD_TEXT, .help = "who tells them"},
	{"due", LOAD_WHEN, .help = "by when"},
};

static const struct load_key data_keys[] = {
	{"store", LOAD_TEXT, .flags = LOAD_REQUIRED, .help = "which one"},
	{"method", LOAD_CHOICE, .range = "offline|replicate", .help = "how it moves"},
	{"rpo", LOAD_DURATION, .help = "the most that may be lost"},
	{"tool", LOAD_TEXT, .help = "what moves it"},
	{"size", LOAD_SIZE, .help = "how much there is"},
};

static const struct load_key network_keys[] = {
	{"rule", LOAD_TEXT, .flags = LOAD_REQUIRED, .help = "what is opened or changed"},
	{"temporary", LOAD_BOOL, .fallback = "false", .help = "goes away again"},
	{"step", LOAD_TEXT, .help = "the step that does it"},
};

static const struct load_key defaults_keys[] = {
	{"timeout", LOAD_DURATION, .offset = offsetof(struct defaults_draft, timeout),
	 .fallback = "10m", .range = "1ms..", .help = "of one attempt"},
	{"on_failure", LOAD_WORD, .offset = offsetof(struct defaults_draft, on_failure),
	 .fallback = "pause", .range = "pause|hold|rollback|continue|abort",
	 .help = "what a failed step does"},
	{"retry", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_RETRY,
	 .offset = offsetof(struct defaults_draft, retry), .help = "further attempts"},
	{"max_parallel", LOAD_UINT, .offset = offsetof(struct defaults_draft, max_parallel),
	 .fallback = "16", .range = "1..10000", .help = "steps at the same time"},
};

static const struct load_key rollback_keys[] = {
	{"max_parallel", LOAD_UINT, .offset = offsetof(struct rollback_draft, max_parallel),
	 .fallback = "4", .range = "1..10000", .help = "undos at the same time"},
	{"on_failure", LOAD_WORD, .offset = offsetof(struct rollback_draft, on_failure),
	 .fallback = "pause", .range = "pause|continue", .help = "when an undo fails"},
	{"ready", LOAD_NODE, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct rollback_draft, ready),
	 .help = "is blue fit to take traffic back?"},
	{"verify", LOAD_NODE, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct rollback_draft, verify), .help = "checks after a rollback"},
};

static const struct load_key notify_keys[] = {
	{"webhook", LOAD_TEXT, .offset = offsetof(struct notify_draft, webhook),
	 .help = "URL that gets a JSON object"},
	{"argv", LOAD_NODE, .shape = SHAPE_ARGV, .offset = offsetof(struct notify_draft, argv),
	 .help = "command that gets the text on standard input"},
	{"on", LOAD_TEXTS, .offset = offsetof(struct notify_draft, on),
	 .help = "record types; without it pages only"},
	{"at", LOAD_NODE, .shape = SHAPE_TIMES, .offset = offsetof(struct notify_draft, at),
	 .help = "times"},
	{"every", LOAD_DURATION, .offset = offsetof(struct notify_draft, every), .fallback = "none",
	 .range = "1s..", .help = "while the run lives"},
	{"text", LOAD_TEXT, .offset = offsetof(struct notify_draft, text),
	 .help = "what is told; stands before what a page says"},
};

static const struct load_key waive_keys[] = {
	{"rule", LOAD_TEXT, .flags = LOAD_REQUIRED, .help = "which rule"},
	{"where", LOAD_TEXT, .help = "where it is set aside"},
	{"reason", LOAD_TEXT, .flags = LOAD_REQUIRED, .help = "why"},
	{"by", LOAD_TEXT, .help = "who decided"},
};

#define TABLE(name, rows, bytes)                                                                   \
	{                                                                                          \
		name, rows, CUT_ARRAY_LEN(rows), bytes                                             \
	}

const struct load_table load_table_runbook =
	TABLE("the runbook", runbook_keys, sizeof(struct runbook_draft));
const struct load_table load_table_objectives = TABLE("objectives", objectives_keys, 0);
const struct load_table load_table_parameter =
	TABLE("a parameter", parameter_keys, sizeof(struct parameter_draft));
const struct load_table load_table_secret =
	TABLE("a secret", secret_keys, sizeof(struct secret_draft));
const struct load_table load_table_window =
	TABLE("a window", window_keys, sizeof(struct window_draft));
const struct load_table load_table_role = TABLE("a role", role_keys, sizeof(struct role_draft));
const struct load_table load_table_authority = TABLE("authority", authority_keys, 0);
const struct load_table load_table_sign_off = TABLE("a sign-off", sign_off_keys, 0);
const struct load_table load_table_fqdn = TABLE("an fqdn", fqdn_keys, 0);
const struct load_table load_table_client = TABLE("a client", client_keys, 0);
const struct load_table load_table_data = TABLE("a data store", data_keys, 0);
const struct load_table load_table_network = TABLE("a network rule", network_keys, 0);
const struct load_table load_table_defaults =
	TABLE("defaults", defaults_keys, sizeof(struct defaults_draft));
const struct load_table load_table_rollback =
	TABLE("rollback", rollback_keys, sizeof(struct rollback_draft));
const struct load_table load_table_notify =
	TABLE("a notify entry", notify_keys, sizeof(struct notify_draft));
const struct load_table load_table_waive = TABLE("a waiver", waive_keys, 0);
