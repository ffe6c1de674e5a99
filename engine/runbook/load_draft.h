/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: what a map of the file is read into where its table is not that of the model itself. A
 * uint32_t is a node of the document, read afterwards. Private to engine/runbook. */
#pragma once

#include "engine/core/model.h"

#include <stdbool.h>
#include <stdint.h>

struct runbook_draft {
	const char *version, *name, *title, *description, *owner, *ticket;
	uint32_t links, strategy, objectives, parameters, secrets, environments, connections,
		window, roles, authority, sign_off, fqdns, clients, data, network, metrics,
		baselines, triggers, acceptance, downtime, defaults, phases, steps, rollback,
		finally, notify, waive;
	const char **locks;
	uint32_t locks_len;
};
struct parameter_draft {
	const char *type, *help;
	uint32_t fallback, choices;
	bool required;
};
struct secret_draft {
	const char *file, *env, *credential;
	uint32_t command;
};
struct window_draft {
	struct cut_when opens, closes;
	uint32_t reserve_rollback;
	unsigned on_overrun;
};
struct role_draft {
	struct cut_role role;
	uint32_t keys;
};
struct metric_draft {
	const char *uses, *unit, *environment;
	uint32_t with, foreach;
	cut_time every, timeout, max_age;
	double min_events;
	unsigned better;
};
struct bound_draft {
	uint32_t above, below, outside, worse_than, by, floor, judge;
};
struct missing_draft {
	unsigned policy, on_blind;
	cut_time max_gap, blind_after;
};
struct trigger_draft {
	const char *id, *metric, *from, *until;
	uint32_t bad, clear, m_of_n, burn_rate, missing, mitigate, foreach;
	cut_time for_time, keep, warmup;
	unsigned consecutive, total, then;
	bool shadow;
};
struct acceptance_draft {
	cut_time clean_for, settle, tests_every, deadline;
	uint32_t tests;
	unsigned max_bad, on_bad, on_deadline;
	double coverage;
	const char **sign_off;
	uint32_t sign_off_len;
};
struct downtime_draft {
	const char *id, *from, *to;
	unsigned kind, on_limit;
	cut_time limit;
};
struct defaults_draft {
	cut_time timeout;
	unsigned on_failure, max_parallel;
	uint32_t retry;
};
struct rollback_draft {
	unsigned max_parallel, on_failure;
	uint32_t ready, verify;
};
struct notify_draft {
	const char *webhook, *text;
	uint32_t argv, at;
	const char **on;
	uint32_t on_len;
	cut_time every;
};
struct phase_draft {
	const char *id, *title, *description;
	uint32_t steps, window, acceptance, foreach;
	unsigned order, max_parallel;
	struct cut_when not_before;
	bool point_of_no_return;
};
/* The keys that any body of an action may have. */
struct body_draft {
	const char *uses, *effects, *class;
	uint32_t with, run, outputs, env, observe, plan, stdin_node, cwd, shell, expect_exit, retry;
	cut_time timeout;
};
struct step_draft {
	struct body_draft body; /* first: its rows serve both tables */
	const char *id, *title, *description, *owner, *if_fails, *rollback_reason;
	uint32_t wait, approve, manual, steps, needs, foreach, poll, rollback, verify, temporary,
		links, emergency, planned;
	struct cut_expr *cond;
	cut_time deadline;
	unsigned on_failure, on_interrupt, max_parallel;
	struct cut_when not_before;
	const char *order, *environment;
	const char **locks;
	uint32_t locks_len;
	bool point_of_no_return;
};
struct wait_draft {
	uint32_t length;
	const char *since;
	struct cut_when until;
	bool clean;
};
struct approve_draft {
	const char **roles;
	uint32_t roles_len, message, checks;
	cut_time expires;
	unsigned on_expiry, on_decline;
};
struct manual_draft {
	const char *instructions, *role;
	const char **evidence;
	uint32_t evidence_len;
};
struct foreach_draft {
	uint32_t items;
	const char *as;
	unsigned max_parallel;
};
struct temporary_draft {
	const char *until;
	cut_time backstop;
};
