/* SPDX-License-Identifier: Apache-2.0 */
/* Phases and steps: each key with its type, default and meaning. Read by the loader, by
 * the JSON Schema and by the reference page, so that none of them can say something else. */
#include "engine/runbook/load_draft.h"
#include "engine/runbook/load_language.h"

#include <stddef.h>

static const struct load_key phase_keys[] = {
	{"id", LOAD_ID, .flags = LOAD_REQUIRED, .offset = offsetof(struct phase_draft, id),
	 .help = "its name"},
	{"title", LOAD_TEXT, .offset = offsetof(struct phase_draft, title), .help = "shown for it"},
	{"description", LOAD_TEXT, .offset = offsetof(struct phase_draft, description),
	 .help = "shown for it"},
	{"steps", LOAD_NODE, .flags = LOAD_REQUIRED, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct phase_draft, steps), .help = "what it does"},
	{"order", LOAD_WORD, .offset = offsetof(struct phase_draft, order), .fallback = "serial",
	 .range = "serial|parallel", .help = "what a step without needs waits for"},
	{"max_parallel", LOAD_UINT, .offset = offsetof(struct phase_draft, max_parallel),
	 .range = "1..10000", .help = "steps at the same time; default defaults.max_parallel"},
	{"not_before", LOAD_WHEN, .offset = offsetof(struct phase_draft, not_before),
	 .help = "earliest start"},
	{"window", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_WINDOW,
	 .offset = offsetof(struct phase_draft, window), .help = "its own window"},
	{"acceptance", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_ACCEPTANCE,
	 .offset = offsetof(struct phase_draft, acceptance), .help = "ends a stage"},
	{"point_of_no_return", LOAD_BOOL,
	 .offset = offsetof(struct phase_draft, point_of_no_return), .fallback = "false",
	 .help = "its first step to start is one"},
	{"foreach", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_FOREACH,
	 .offset = offsetof(struct phase_draft, foreach), .help = "one phase for each item"},
};

static const struct load_key step_keys[] = {
	{"uses", LOAD_TEXT, .offset = offsetof(struct step_draft, body.uses), .help = "an action"},
	{"with", LOAD_NODE, .shape = SHAPE_BODY, .offset = offsetof(struct step_draft, body.with),
	 .help = "its parameters"},
	{"run", LOAD_NODE, .shape = SHAPE_ARGV, .offset = offsetof(struct step_draft, body.run),
	 .help = "short for uses: exec"},
	{"effects", LOAD_CHOICE, .offset = offsetof(struct step_draft, body.effects),
	 .range = "read|write|traffic|destroy", .help = "what it changes"},
	{"class", LOAD_CHOICE, .offset = offsetof(struct step_draft, body.class),
	 .range = "declarative|probe|opaque", .help = "what a crash in the middle means"},
	{"outputs", LOAD_NODE, .shape = SHAPE_TEXT_MAP,
	 .offset = offsetof(struct step_draft, body.outputs),
	 .help = "name to type, a JSON object on standard output"},
	{"env", LOAD_NODE, .shape = SHAPE_ANY_MAP, .offset = offsetof(struct step_draft, body.env),
	 .help = "name to text or {secret: name}"},
	{"observe", LOAD_NODE, .shape = SHAPE_ARGV,
	 .offset = offsetof(struct step_draft, body.observe),
	 .help = "exit 0 applied, 1 not applied, else unknown"},
	{"plan", LOAD_NODE, .shape = SHAPE_ARGV, .offset = offsetof(struct step_draft, body.plan),
	 .help = "prints before and after; must not write"},
	{"stdin", LOAD_NODE, .shape = SHAPE_ANY,
	 .offset = offsetof(struct step_draft, body.stdin_node), .help = "given on standard input"},
	{"cwd", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct step_draft, body.cwd),
	 .help = "working folder"},
	{"shell", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct step_draft, body.shell),
	 .help = "run by /bin/sh; values arrive as environment variables"},
	{"expect_exit", LOAD_NODE, .shape = SHAPE_ANY,
	 .offset = offsetof(struct step_draft, body.expect_exit),
	 .help = "exit codes that mean success"},
	{"timeout", LOAD_DURATION, .offset = offsetof(struct step_draft, body.timeout),
	 .fallback = "none", .range = "1ms..", .help = "of one attempt; default defaults.timeout"},
	{"retry", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_RETRY,
	 .offset = offsetof(struct step_draft, body.retry), .help = "further attempts"},
	{"id", LOAD_ID, .offset = offsetof(struct step_draft, id),
	 .help = "its name; not needed in tests"},
	{"title", LOAD_TEXT, .offset = offsetof(struct step_draft, title), .help = "shown for it"},
	{"description", LOAD_TEXT, .offset = offsetof(struct step_draft, description),
	 .help = "shown for it"},
	{"owner", LOAD_TEXT, .offset = offsetof(struct step_draft, owner),
	 .help = "who answers for it"},
	{"if_fails", LOAD_TEXT, .offset = offsetof(struct step_draft, if_fails),
	 .help = "printed with the failure and sent with the page"},
	{"links", LOAD_NODE, .shape = SHAPE_TEXT_MAP, .offset = offsetof(struct step_draft, links),
	 .help = "name to URL"},
	{"wait", LOAD_NODE, .shape = SHAPE_DURATION_OR_TABLE, .table = T_WAIT,
	 .offset = offsetof(struct step_draft, wait), .help = "a timer"},
	{"approve", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_APPROVE,
	 .offset = offsetof(struct step_draft, approve), .help = "a go or no-go gate"},
	{"manual", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_MANUAL,
	 .offset = offsetof(struct step_draft, manual), .help = "work by a person"},
	{"steps", LOAD_NODE, .shape = SHAPE_LIST, .table = T_STEP,
	 .offset = offsetof(struct step_draft, steps), .help = "a group"},
	{"order", LOAD_CHOICE, .offset = offsetof(struct step_draft, order),
	 .range = "serial|parallel", .help = "of a group: what a step without needs waits for"},
	{"max_parallel", LOAD_UINT, .offset = offsetof(struct step_draft, max_parallel),
	 .range = "1..10000", .help = "of a group: children at the same time"},
	{"needs", LOAD_NODE, .shape = SHAPE_TEXTS, .offset = offsetof(struct step_draft, needs),
	 .help = "ids of steps or groups that must be done before"},
	{"if", LOAD_EXPR, .offset = offsetof(struct step_draft, cond), .help = "false: skipped"},
	{"foreach", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_FOREACH,
	 .offset = offsetof(struct step_draft, foreach), .help = "one instance for each item"},
	{"deadline", LOAD_DURATION, .offset = offsetof(struct step_draft, deadline),
	 .fallback = "none", .range = "1ms..", .help = "of all attempts together"},
	{"poll", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_POLL,
	 .offset = offsetof(struct step_draft, poll),
	 .help = "repeat until success, for steps that only read"},
	{"on_failure", LOAD_WORD, .offset = offsetof(struct step_draft, on_failure),
	 .fallback = "pause", .range = "pause|hold|rollback|continue|abort",
	 .help = "what its failure does"},
	{"rollback", LOAD_NODE, .shape = SHAPE_WORD_OR_TABLE, .table = T_BODY,
	 .offset = offsetof(struct step_draft, rollback), .fallback = "auto",
	 .range = "auto|not_needed|impossible", .help = "how it is undone"},
	{"rollback_reason", LOAD_TEXT, .offset = offsetof(struct step_draft, rollback_reason),
	 .help = "why that is impossible"},
	{"verify", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_BODY,
	 .offset = offsetof(struct step_draft, verify),
	 .help = "must succeed before the step counts"},
	{"on_interrupt", LOAD_WORD, .offset = offsetof(struct step_draft, on_interrupt),
	 .fallback = "cancel", .range = "cancel|wait",
	 .help = "what a rollback does to it while it runs"},
	{"planned", LOAD_NODE, .shape = SHAPE_DURATION_OR_WORD,
	 .offset = offsetof(struct step_draft, planned), .range = "history",
	 .help = "expected duration, else how long a wait says; history is of a later version"},
	{"not_before", LOAD_WHEN, .offset = offsetof(struct step_draft, not_before),
	 .help = "earliest start"},
	{"environment", LOAD_CHOICE, .offset = offsetof(struct step_draft, environment),
	 .range = "blue|green", .help = "whom it changes"},
	{"locks", LOAD_TEXTS, .offset = offsetof(struct step_draft, locks),
	 .help = "held while it runs"},
	{"temporary", LOAD_NODE, .shape = SHAPE_BOOL_OR_TABLE, .table = T_TEMPORARY,
	 .offset = offsetof(struct step_draft, temporary), .fallback = "false",
	 .help = "undone when the run ends"},
	{"point_of_no_return", LOAD_BOOL, .offset = offsetof(struct step_draft, point_of_no_return),
	 .fallback = "false", .help = "automatic rollback of what came before ends with it"},
	{"emergency", LOAD_NODE, .flags = LOAD_LATER, .shape = SHAPE_WORD_OR_TABLE,
	 .table = T_EMERGENCY, .offset = offsetof(struct step_draft, emergency), .range = "skip",
	 .help = "used when blue is lost"},
};

static const struct load_key body_keys[] = {
	{"uses", LOAD_TEXT, .offset = offsetof(struct body_draft, uses), .help = "an action"},
	{"with", LOAD_NODE, .shape = SHAPE_BODY, .offset = offsetof(struct body_draft, with),
	 .help = "its parameters"},
	{"run", LOAD_NODE, .shape = SHAPE_ARGV, .offset = offsetof(struct body_draft, run),
	 .help = "short for uses: exec"},
	{"effects", LOAD_CHOICE, .offset = offsetof(struct body_draft, effects),
	 .range = "read|write|traffic|destroy", .help = "what it changes"},
	{"class", LOAD_CHOICE, .offset = offsetof(struct body_draft, class),
	 .range = "declarative|probe|opaque", .help = "what a crash in the middle means"},
	{"outputs", LOAD_NODE, .shape = SHAPE_TEXT_MAP,
	 .offset = offsetof(struct body_draft, outputs),
	 .help = "name to type, a JSON object on standard output"},
	{"env", LOAD_NODE, .shape = SHAPE_ANY_MAP, .offset = offsetof(struct body_draft, env),
	 .help = "name to text or {secret: name}"},
	{"observe", LOAD_NODE, .shape = SHAPE_ARGV, .offset = offsetof(struct body_draft, observe),
	 .help = "exit 0 applied, 1 not applied, else unknown"},
	{"plan", LOAD_NODE, .shape = SHAPE_ARGV, .offset = offsetof(struct body_draft, plan),
	 .help = "prints before and after; must not write"},
	{"stdin", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct body_draft, stdin_node),
	 .help = "given on standard input"},
	{"cwd", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct body_draft, cwd),
	 .help = "working folder"},
	{"shell", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct body_draft, shell),
	 .help = "run by /bin/sh; values arrive as environment variables"},
	{"expect_exit", LOAD_NODE, .shape = SHAPE_ANY,
	 .offset = offsetof(struct body_draft, expect_exit),
	 .help = "exit codes that mean success"},
	{"timeout", LOAD_DURATION, .offset = offsetof(struct body_draft, timeout),
	 .fallback = "none", .range = "1ms..", .help = "of one attempt; default defaults.timeout"},
	{"retry", LOAD_NODE, .shape = SHAPE_TABLE, .table = T_RETRY,
	 .offset = offsetof(struct body_draft, retry), .help = "further attempts"},
};

static const struct load_key wait_keys[] = {
	{"for", LOAD_NODE, .shape = SHAPE_ANY, .offset = offsetof(struct wait_draft, length),
	 .help = "how long"},
	{"since", LOAD_TEXT, .offset = offsetof(struct wait_draft, since),
	 .help = "counted from the end of this step"},
	{"until", LOAD_WHEN, .offset = offsetof(struct wait_draft, until), .help = "a time"},
	{"clean", LOAD_BOOL, .offset = offsetof(struct wait_draft, clean), .fallback = "false",
	 .help = "starts again while any trigger is not clear"},
};

static const struct load_key approve_keys[] = {
	{"roles", LOAD_TEXTS, .flags = LOAD_REQUIRED,
	 .offset = offsetof(struct approve_draft, roles), .help = "whose quorum is needed"},
	{"message", LOAD_NODE, .shape = SHAPE_ANY,
	 .offset = offsetof(struct approve_draft, message), .help = "what is asked"},
	{"checks", LOAD_NODE, .shape = SHAPE_EXPRS,
	 .offset = offsetof(struct approve_draft, checks),
	 .help = "must be true at the last approval"},
	{"expires", LOAD_DURATION, .offset = offsetof(struct approve_draft, expires),
	 .fallback = "2h", .range = "1ms..", .help = "how long it may wait"},
	{"on_expiry", LOAD_WORD, .offset = offsetof(struct approve_draft, on_expiry),
	 .fallback = "pause", .range = "pause|rollback|abort", .help = "when that is over"},
	{"on_decline", LOAD_WORD, .offset = offsetof(struct approve_draft, on_decline),
	 .fallback = "pause", .range = "pause|rollback|abort", .help = "when somebody declines"},
};

static const struct load_key manual_keys[] = {
	{"instructions", LOAD_TEXT, .flags = LOAD_REQUIRED,
	 .offset = offsetof(struct manual_draft, instructions), .help = "what is to be done"},
	{"role", LOAD_TEXT, .offset = offsetof(struct manual_draft, role),
	 .help = "whose work it is"},
	{"evidence", LOAD_TEXTS, .offset = offsetof(struct manual_draft, evidence),
	 .help = "names of what must be handed in"},
};

static const struct load_key foreach_keys[] = {
	{"items", LOAD_NODE, .flags = LOAD_REQUIRED, .shape = SHAPE_ANY,
	 .offset = offsetof(struct foreach_draft, items), .help = "a list or a map"},
	{"as", LOAD_ID, .offset = offsetof(struct foreach_draft, as), .fallback = "item",
	 .help = "the variable"},
	{"max_parallel", LOAD_UINT, .offset = offsetof(struct foreach_draft, max_parallel),
	 .fallback = "1", .range = "1..10000", .help = "instances at the same time"},
};

static const struct load_key retry_keys[] = {
	{"limit", LOAD_UINT, .offset = offsetof(struct cut_retry, limit), .fallback = "0",
	 .range = "0..1000", .help = "further attempts"},
	{"delay", LOAD_DURATION, .offset = offsetof(struct cut_retry, delay), .fallback = "5s",
	 .help = "before the first of them"},
	{"factor", LOAD_NUMBER, .offset = offsetof(struct cut_retry, factor), .fallback = "2",
	 .range = "1..100", .help = "by which it grows"},
	{"max", LOAD_DURATION, .offset = offsetof(struct cut_retry, max), .fallback = "1m",
	 .help = "how far"},
	{"jitter", LOAD_BOOL, .offset = offsetof(struct cut_retry, jitter), .fallback = "true",
	 .help = "varied at random"},
};

static const struct load_key poll_keys[] = {
	{"every", LOAD_DURATION, .flags = LOAD_REQUIRED, .offset = offsetof(struct cut_poll, every),
	 .range = "1ms..", .help = "between tries"},
	{"stable", LOAD_UINT, .offset = offsetof(struct cut_poll, stable), .fallback = "1",
	 .range = "1..", .help = "successes in a row that are needed"},
	{"limit", LOAD_UINT, .offset = offsetof(struct cut_poll, limit), .range = "1..",
	 .help = "tries at most"},
};

static const struct load_key temporary_keys[] = {
	{"until", LOAD_TEXT, .offset = offsetof(struct temporary_draft, until),
	 .help = "undone when this step or phase has succeeded"},
	{"backstop", LOAD_DURATION, .offset = offsetof(struct temporary_draft, backstop),
	 .fallback = "none", .range = "1ms..", .help = "undone at the latest after it"},
};

static const struct load_key emergency_keys[] = {
	{"with", LOAD_NODE, .flags = LOAD_REQUIRED, .shape = SHAPE_BODY,
	 .help = "parameters then used"},
};

#define TABLE(name, rows, bytes)                                                                   \
	{                                                                                          \
		name, rows, CUT_ARRAY_LEN(rows), bytes                                             \
	}

const struct load_table load_table_phase = TABLE("a phase", phase_keys, sizeof(struct phase_draft));
const struct load_table load_table_step = TABLE("a step", step_keys, sizeof(struct step_draft));
const struct load_table load_table_body = TABLE("a body", body_keys, sizeof(struct body_draft));
const struct load_table load_table_wait = TABLE("wait", wait_keys, sizeof(struct wait_draft));
const struct load_table load_table_approve =
	TABLE("approve", approve_keys, sizeof(struct approve_draft));
const struct load_table load_table_manual =
	TABLE("manual", manual_keys, sizeof(struct manual_draft));
const struct load_table load_table_foreach =
	TABLE("foreach", foreach_keys, sizeof(struct foreach_draft));
const struct load_table load_table_retry = TABLE("retry", retry_keys, sizeof(struct cut_retry));
const struct load_table load_table_poll = TABLE("poll", poll_keys, sizeof(struct cut_poll));
const struct load_table load_table_temporary =
	TABLE("temporary", temporary_keys, sizeof(struct temporary_draft));
const struct load_table load_table_emergency = TABLE("emergency", emergency_keys, 0);
