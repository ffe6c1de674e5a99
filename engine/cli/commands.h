/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: one function each, called by main.c through the table in commands.c. Each returns
 * the exit code and has printed everything. */
#pragma once

#include "engine/cli/cli.h"

int cut_cmd_abort(const struct cut_args *args);
int cut_cmd_attest(const struct cut_args *args);
int cut_cmd_approve(const struct cut_args *args);
int cut_cmd_audit_key(const struct cut_args *args);
int cut_cmd_audit_verify(const struct cut_args *args);
int cut_cmd_command(const struct cut_args *args);
int cut_cmd_decline(const struct cut_args *args);
int cut_cmd_eval(const struct cut_args *args);
int cut_cmd_freeze(const struct cut_args *args);
int cut_cmd_graph(const struct cut_args *args);
int cut_cmd_help(const struct cut_args *args);
int cut_cmd_list(const struct cut_args *args);
int cut_cmd_logs(const struct cut_args *args);
int cut_cmd_note(const struct cut_args *args);
int cut_cmd_plan(const struct cut_args *args);
int cut_cmd_plugins(const struct cut_args *args);
int cut_cmd_recover(const struct cut_args *args);
int cut_cmd_report(const struct cut_args *args);
int cut_cmd_rollback(const struct cut_args *args);
int cut_cmd_run(const struct cut_args *args);
int cut_cmd_schema(const struct cut_args *args);
int cut_cmd_skip(const struct cut_args *args);
int cut_cmd_status(const struct cut_args *args);
int cut_cmd_targeted(const struct cut_args *args);
int cut_cmd_trigger_test(const struct cut_args *args);
int cut_cmd_untargeted(const struct cut_args *args);
int cut_cmd_validate(const struct cut_args *args);
int cut_cmd_version(const struct cut_args *args);
int cut_cmd_watch(const struct cut_args *args);
