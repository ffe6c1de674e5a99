/* SPDX-License-Identifier: Apache-2.0 */
/* What is watched: each key with its type, default and meaning. Read by the loader, by
 * the JSON Schema and by the reference page, so that none of them can say something else. */
#include "engine/runbook/load_draft.h"
#include "engine/runbook/load_language.h"

#include <stddef.h>

static const struct load_key metric_keys[] = {
	{"uses", LOAD_TEXT, .flags = LOAD_REQUIRED, .offset = offsetof(struct metric_draft, uses),
	 .help = "a metric of a plugin, such as metrics.query"},
	{"with", LOAD_NODE, .shape = SHAPE_BODY, .offset = offsetof(struct metric_draft, with),
	 .help = "its parameters"},
	{"every", LOAD_DURATION, .offset = offsetof(struct metric_draft, every), .fallback = "15s",
	 .range = "1ms..", .help = "how often it is sampled"},
	{"timeout", LOAD_DURATION, .offset = offsetof(struct metric_draft, timeout),
	 .fallback = "5s", .range = "1ms..", .help = "of one sample"},
	{"max_age", LOAD_DURATION, .offset = offsetof(struct metric_draft, max_age),
	 .fallback = "none", .help = "older samples are missing; default 2 × every"},
	{"min_events", LOAD_NUMBER, .offset = offsetof(struct metric_draft, min_events),
	 .fallback = "0", .range = "0..", .help = "the smallest denominator that counts"},
	{"unit", LOAD_TEXT, .offset = offsetof(struct metric_draft, unit),
	 .help = "shown with its values"},
	{"better", LOAD_WORD, .offset = offsetof(struct metric_draft, better), .fallback = "lower",
	 .range = "lower|higher", .help = "which way is good"},
	{"environment", LOAD_CHOICE, .offset = offsetof(struct metric_draft, environment),
	 .range = "blue|green", .help = "whom it measures"},
	{"foreach", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_FOREACH,
	 .offset = offsetof(struct metric_draft, foreach), .help = "one metric for each item"},
};

static const struct load_key baseline_keys[] = {
	{"value", LOAD_NUMBER, .help = "recorded value"},
	{"n", LOAD_NUMBER, .help = "over so many events"},
	{"from", LOAD_TEXT, .help = "recorded from"},
	{"to", LOAD_TEXT, .help = "recorded until"},
	{"file", LOAD_TEXT, .help = "recorded samples"},
	{"capture", LOAD_DURATION, .help = "recorded when the run is armed"},
};

static const struct load_key trigger_keys[] = {
	{"id", LOAD_ID, .flags = LOAD_REQUIRED, .offset = offsetof(struct trigger_draft, id),
	 .help = "its name"},
	{"metric", LOAD_TEXT, .flags = LOAD_REQUIRED,
	 .offset = offsetof(struct trigger_draft, metric), .help = "which metric it watches"},
	{"bad", LOAD_NODE, .flags = LOAD_REQUIRED, .shape = SHAPE_TABLE, .table = T_BOUND,
	 .offset = offsetof(struct trigger_draft, bad), .help = "which samples are bad"},
	{"clear", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_BOUND,
	 .offset = offsetof(struct trigger_draft, clear),
	 .help = "which are good again; default: not bad"},
	{"for", LOAD_DURATION, .offset = offsetof(struct trigger_draft, for_time),
	 .fallback = "none",
	 .help = "bad time until it fires; default 3m where no other rule is given"},
	{"consecutive", LOAD_UINT, .offset = offsetof(struct trigger_draft, consecutive),
	 .range = "1..", .help = "fires at so many bad samples without a good one between"},
	{"m_of_n", LOAD_NODE, .shape = SHAPE_NUMBERS,
	 .offset = offsetof(struct trigger_draft, m_of_n),
	 .help = "[m, n]: fires when m of the newest n are bad"},
	{"total", LOAD_UINT, .offset = offsetof(struct trigger_draft, total), .range = "1..",
	 .help = "fires at so many bad samples since arming"},
	{"burn_rate", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_TABLE, .table = T_BURN_RATE,
	 .offset = offsetof(struct trigger_draft, burn_rate),
	 .help = "fires when an error budget burns too fast"},
	{"keep", LOAD_DURATION, .offset = offsetof(struct trigger_draft, keep), .fallback = "0s",
	 .help = "stays firing this long after the last bad sample"},
	{"from", LOAD_TEXT, .offset = offsetof(struct trigger_draft, from),
	 .help = "step at whose start it is armed; default: the first that moves traffic"},
	{"until", LOAD_TEXT, .offset = offsetof(struct trigger_draft, until),
	 .help = "step at whose end it is disarmed; default: acceptance"},
	{"warmup", LOAD_DURATION, .offset = offsetof(struct trigger_draft, warmup),
	 .fallback = "0s", .help = "samples earlier than this after arming are ignored"},
	{"missing", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_MISSING,
	 .offset = offsetof(struct trigger_draft, missing), .help = "what missing samples mean"},
	{"then", LOAD_WORD, .offset = offsetof(struct trigger_draft, then), .fallback = "rollback",
	 .range = "rollback|pause|notify|mitigate",
	 .help = "what it does; mitigate is of a later version"},
	{"mitigate", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_TABLE, .table = T_MITIGATE,
	 .offset = offsetof(struct trigger_draft, mitigate),
	 .help = "time to fix it before a rollback"},
	{"shadow", LOAD_BOOL, .offset = offsetof(struct trigger_draft, shadow), .fallback = "false",
	 .help = "everything but the action"},
	{"foreach", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_FOREACH,
	 .offset = offsetof(struct trigger_draft, foreach), .help = "one trigger for each item"},
};

static const struct load_key bound_keys[] = {
	{"above", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct bound_draft, above),
	 .help = "values above it"},
	{"below", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct bound_draft, below),
	 .help = "values below it"},
	{"outside", LOAD_NODE, .shape = SHAPE_NUMBERS,
	 .offset = offsetof(struct bound_draft, outside), .help = "[min, max]; the ends are good"},
	{"worse_than", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_ANY,
	 .offset = offsetof(struct bound_draft, worse_than), .range = "recorded|blue",
	 .help = "compared with a baseline"},
	{"by", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_ANY,
	 .offset = offsetof(struct bound_draft, by), .help = "by how much worse"},
	{"floor", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_ANY,
	 .offset = offsetof(struct bound_draft, floor),
	 .help = "the smallest baseline that is compared with"},
	{"judge", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_ANY,
	 .offset = offsetof(struct bound_draft, judge), .help = "by a statistical test"},
};

static const struct load_key missing_keys[] = {
	{"policy", LOAD_WORD, .offset = offsetof(struct missing_draft, policy), .fallback = "hold",
	 .range = "hold|bad|good", .help = "what a missing sample counts as"},
	{"max_gap", LOAD_DURATION, .offset = offsetof(struct missing_draft, max_gap),
	 .fallback = "none", .help = "longest gap within bad time; default 2 × every"},
	{"blind_after", LOAD_DURATION, .offset = offsetof(struct missing_draft, blind_after),
	 .fallback = "2m", .range = "1ms..", .help = "without evidence for so long it is blind"},
	{"on_blind", LOAD_WORD, .offset = offsetof(struct missing_draft, on_blind),
	 .fallback = "pause", .range = "rollback|pause|notify", .help = "what it then does"},
};

static const struct load_key mitigate_keys[] = {
	{"budget", LOAD_DURATION, .fallback = "10m", .help = "time to fix it"},
	{"max_uses", LOAD_UINT, .fallback = "1", .range = "1..", .help = "how often"},
	{"clear_for", LOAD_DURATION, .help = "how long it must be clear"},
	{"on_expiry", LOAD_CHOICE, .fallback = "rollback", .range = "rollback|pause",
	 .help = "when the time is over"},
};

static const struct load_key burn_rate_keys[] = {
	{"slo", LOAD_PERCENT, .help = "the objective"},
	{"factor", LOAD_NUMBER, .help = "times the budget's own rate"},
	{"long", LOAD_DURATION, .help = "the long window"},
	{"short", LOAD_DURATION, .help = "the short window"},
};

static const struct load_key acceptance_keys[] = {
	{"clean_for", LOAD_DURATION, .offset = offsetof(struct acceptance_draft, clean_for),
	 .fallback = "0s", .help = "how long all triggers must be clear"},
	{"settle", LOAD_DURATION, .offset = offsetof(struct acceptance_draft, settle),
	 .fallback = "none", .help = "before the clock starts; default: the longest tail"},
	{"tests", LOAD_NODE, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct acceptance_draft, tests), .help = "steps that must succeed"},
	{"tests_every", LOAD_DURATION, .offset = offsetof(struct acceptance_draft, tests_every),
	 .fallback = "none", .range = "1ms..",
	 .help = "run them again and again; default: when the clock is full"},
	{"max_bad", LOAD_UINT, .offset = offsetof(struct acceptance_draft, max_bad),
	 .fallback = "0", .range = "0..", .help = "bad samples that are borne"},
	{"coverage", LOAD_PERCENT, .offset = offsetof(struct acceptance_draft, coverage),
	 .fallback = "95%", .range = "0%..100%", .help = "slots that must have evidence"},
	{"on_bad", LOAD_WORD, .offset = offsetof(struct acceptance_draft, on_bad),
	 .fallback = "restart", .range = "restart|extend|fail",
	 .help = "what a bad sample does to the clock"},
	{"deadline", LOAD_DURATION, .offset = offsetof(struct acceptance_draft, deadline),
	 .fallback = "none", .help = "counted from the last step"},
	{"on_deadline", LOAD_WORD, .offset = offsetof(struct acceptance_draft, on_deadline),
	 .fallback = "ask", .range = "ask|rollback", .help = "when it passes"},
	{"sign_off", LOAD_TEXTS, .offset = offsetof(struct acceptance_draft, sign_off),
	 .help = "roles that sign the evidence"},
};

static const struct load_key downtime_keys[] = {
	{"id", LOAD_ID, .flags = LOAD_REQUIRED, .offset = offsetof(struct downtime_draft, id),
	 .help = "its name"},
	{"from", LOAD_TEXT, .flags = LOAD_REQUIRED, .offset = offsetof(struct downtime_draft, from),
	 .help = "step whose intent starts it"},
	{"to", LOAD_TEXT, .flags = LOAD_REQUIRED, .offset = offsetof(struct downtime_draft, to),
	 .help = "step whose success ends it"},
	{"kind", LOAD_WORD, .offset = offsetof(struct downtime_draft, kind),
	 .fallback = "read_only", .range = "read_only|outage", .help = "what is missing meanwhile"},
	{"limit", LOAD_DURATION, .offset = offsetof(struct downtime_draft, limit),
	 .fallback = "none", .range = "1ms..", .help = "the longest it may last"},
	{"on_limit", LOAD_WORD, .offset = offsetof(struct downtime_draft, on_limit),
	 .fallback = "page", .range = "page|pause|rollback", .help = "when it lasts longer"},
};

#define TABLE(name, rows, bytes)                                                                   \
	{                                                                                          \
		name, rows, CUT_ARRAY_LEN(rows), bytes                                             \
	}

const struct load_table load_table_metric =
	TABLE("a metric", metric_keys, sizeof(struct metric_draft));
const struct load_table load_table_baseline = TABLE("a baseline", baseline_keys, 0);
const struct load_table load_table_trigger =
	TABLE("a trigger", trigger_keys, sizeof(struct trigger_draft));
const struct load_table load_table_bound = TABLE("a bound", bound_keys, sizeof(struct bound_draft));
const struct load_table load_table_missing =
	TABLE("missing", missing_keys, sizeof(struct missing_draft));
const struct load_table load_table_mitigate = TABLE("mitigate", mitigate_keys, 0);
const struct load_table load_table_burn_rate = TABLE("burn_rate", burn_rate_keys, 0);
const struct load_table load_table_acceptance =
	TABLE("acceptance", acceptance_keys, sizeof(struct acceptance_draft));
const struct load_table load_table_downtime =
	TABLE("a downtime clock", downtime_keys, sizeof(struct downtime_draft));
