/* SPDX-License-Identifier: Apache-2.0 */
/* All tables of the language by their id. */
#include "engine/runbook/load_language.h"

const struct load_table *const load_tables[T_TABLES] = {
	[T_RUNBOOK] = &load_table_runbook,     [T_OBJECTIVES] = &load_table_objectives,
	[T_PARAMETER] = &load_table_parameter, [T_SECRET] = &load_table_secret,
	[T_WINDOW] = &load_table_window,       [T_ROLE] = &load_table_role,
	[T_AUTHORITY] = &load_table_authority, [T_SIGN_OFF] = &load_table_sign_off,
	[T_FQDN] = &load_table_fqdn,	       [T_CLIENT] = &load_table_client,
	[T_DATA] = &load_table_data,	       [T_NETWORK] = &load_table_network,
	[T_METRIC] = &load_table_metric,       [T_BASELINE] = &load_table_baseline,
	[T_TRIGGER] = &load_table_trigger,     [T_BOUND] = &load_table_bound,
	[T_MISSING] = &load_table_missing,     [T_MITIGATE] = &load_table_mitigate,
	[T_BURN_RATE] = &load_table_burn_rate, [T_ACCEPTANCE] = &load_table_acceptance,
	[T_DOWNTIME] = &load_table_downtime,   [T_DEFAULTS] = &load_table_defaults,
	[T_ROLLBACK] = &load_table_rollback,   [T_NOTIFY] = &load_table_notify,
	[T_WAIVE] = &load_table_waive,	       [T_PHASE] = &load_table_phase,
	[T_STEP] = &load_table_step,	       [T_BODY] = &load_table_body,
	[T_WAIT] = &load_table_wait,	       [T_APPROVE] = &load_table_approve,
	[T_MANUAL] = &load_table_manual,       [T_FOREACH] = &load_table_foreach,
	[T_RETRY] = &load_table_retry,	       [T_POLL] = &load_table_poll,
	[T_TEMPORARY] = &load_table_temporary, [T_EMERGENCY] = &load_table_emergency,
};
