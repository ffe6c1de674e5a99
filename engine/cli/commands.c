/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/cli/commands.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}
#define OPTION(name, value, help)                                                                  \
	{                                                                                          \
		name, value, help                                                                  \
	}

static const struct cut_cli_option comment[] = {
	OPTION("comment", "TEXT", "shown in journal and report"),
	END,
};
static const struct cut_cli_option audit[] = {
	OPTION("key", "FILE", "public keys to trust, one a line, instead of the own ones"),
	END,
};
#define SIGNING                                                                                    \
	OPTION("statement", NULL, "print what is to be signed with an SSH key; votes nothing"),    \
		OPTION("signed", "FILE",                                                           \
		       "vote with that statement and the signature in FILE.sig"),                  \
		OPTION("valid-for", "DURATION", "how long the statement holds (1h)")

static const struct cut_cli_option approve[] = {
	OPTION("comment", "TEXT", "shown in journal and report"),
	SIGNING,
	END,
};
static const struct cut_cli_option decline[] = {
	OPTION("comment", "TEXT", "shown in journal and report"),
	SIGNING,
	OPTION("yes", NULL, "do not ask"),
	END,
};
static const struct cut_cli_option attest[] = {
	OPTION("applied", NULL,
	       "the step's effect is there (or was undone by hand, in a rollback)"),
	OPTION("not-applied", NULL, "the step's effect is not there"),
	OPTION("comment", "TEXT", "shown in journal and report"),
	OPTION("evidence", "K=V", "what the step asks for; may be repeated"),
	END,
};
static const struct cut_cli_option freeze[] = {
	OPTION("for", "DURATION", "how long automatic rollback is suspended"),
	OPTION("reason", "TEXT", "shown in journal and report"),
	END,
};
static const struct cut_cli_option reason[] = {
	OPTION("reason", "TEXT", "shown in journal and report"),
	END,
};
static const struct cut_cli_option leader[] = {
	OPTION("note", "TEXT", "shown in journal and report"),
	END,
};
static const struct cut_cli_option abort_options[] = {
	OPTION("keep-temporary", NULL, "leave temporary changes as they are"),
	OPTION("yes", NULL, "do not ask"),
	END,
};
static const struct cut_cli_option eval[] = {
	OPTION("vars", "FILE.json", "an object with the names that the expression uses"),
	END,
};
static const struct cut_cli_option graph[] = {
	OPTION("format", "dot|json|text", "what to print (svg: not supported yet)"),
	END,
};
static const struct cut_cli_option logs[] = {
	OPTION("follow", NULL, "go on with what comes (also -f)"),
	OPTION("step", "STEP", "only records of this step, and what its commands printed"),
	END,
};
static const struct cut_cli_option plan[] = {
	OPTION("out", "FILE", "save the plan that `run --plan` then pins"),
	END,
};
static const struct cut_cli_option report[] = {
	OPTION("format", "text|md|json", "what to print (html: not supported yet)"),
	END,
};
static const struct cut_cli_option rollback[] = {
	OPTION("to", "PHASE|STEP", "undo only what came after it"),
	OPTION("accept-loss", NULL, "go back although data or a point of no return is in the way"),
	OPTION("show", NULL, "only show what would be done"),
	OPTION("yes", NULL, "do not ask"),
	END,
};
static const struct cut_cli_option run[] = {
	OPTION("yes", NULL, "start without asking"),
	OPTION("detach", NULL, "do not follow the run"),
	OPTION("at", "TIME", "start then (RFC 3339)"),
	OPTION("until", "PHASE", "hold when this phase is done"),
	OPTION("plan", "FILE", "start only if this saved plan still holds"),
	OPTION("ack-trigger", "ID", "start although this trigger is bad; may be repeated"),
	OPTION("override-window", NULL, "start although the window says no; wants --reason"),
	OPTION("reason", "TEXT", "why, with --override-window"),
	END,
};
static const struct cut_cli_option recover[] = {
	OPTION("all", NULL, "take up every unfinished run, as a service after a reboot"),
	OPTION("detach", NULL, "do not follow the run"),
	END,
};
static const struct cut_cli_option status[] = {
	OPTION("exit-code", NULL, "exit with the code of the run's state"),
	END,
};

/* Sorted by name. */
const struct cut_command cut_commands[] = {
	{"abort", "[RUN]", "Stops a run and undoes nothing; closes what is temporary.",
	 abort_options, 0, 1, cut_cmd_abort},
	{"ack", "CLIENT [RUN]", "Records that a client-facing change was acknowledged.", comment, 1,
	 2, cut_cmd_targeted},
	{"amend", "RUN", "Changes steps that have not started.", NULL, 0, 64, NULL},
	{"approve", "GATE [RUN]", "Votes for going on at a gate, or signs off an acceptance.",
	 approve, 1, 2, cut_cmd_approve},
	{"attest", "STEP [RUN]", "Says what a person did or saw: work done, applied or not.",
	 attest, 1, 2, cut_cmd_attest},
	{"audit key", "", "Prints the public key with which journals are sealed here.", NULL, 0, 0,
	 cut_cmd_audit_key},
	{"audit verify", "[RUN]", "Checks a journal's chain, checksums and seal; changes nothing.",
	 audit, 0, 1, cut_cmd_audit_verify},
	{"command give", "PERSON [RUN]", "Records who leads from now on.", leader, 1, 2,
	 cut_cmd_command},
	{"command take", "[RUN]", "Records that you lead from now on.", leader, 0, 1,
	 cut_cmd_command},
	{"decline", "GATE [RUN]", "Votes against going on at a gate.", decline, 1, 2,
	 cut_cmd_decline},
	{"emergency", "", "Blue is lost: steps use their emergency variant.", NULL, 0, 64, NULL},
	{"eval", "EXPR [RUN]", "Prints the value of an expression as JSON.", eval, 1, 2,
	 cut_cmd_eval},
	{"freeze", "[RUN]", "Pauses, and suspends automatic rollback for a while.", freeze, 0, 1,
	 cut_cmd_freeze},
	{"graph", "RUNBOOK", "Prints the step graph, critical path marked.", graph, 1, 1,
	 cut_cmd_graph},
	{"help", "[COMMAND]", "Explains the commands.", NULL, 0, 2, cut_cmd_help},
	{"init", "[FILE]", "Writes a commented runbook for a strategy.", NULL, 0, 64, NULL},
	{"lint", "RUNBOOK", "Checks a runbook against the rules of a safe cutover.", NULL, 0, 64,
	 NULL},
	{"list", "", "All runs.", NULL, 0, 0, cut_cmd_list},
	{"logs", "[RUN]", "The journal for people.", logs, 0, 1, cut_cmd_logs},
	{"note", "TEXT [RUN]", "Writes a remark into the journal.", NULL, 1, 2, cut_cmd_note},
	{"pause", "[RUN]", "Nothing new starts; what runs finishes; triggers stay armed.", reason,
	 0, 1, cut_cmd_untargeted},
	{"plan", "RUNBOOK", "Before and after of every step against the live world.", plan, 1, 1,
	 cut_cmd_plan},
	{"plugins", "[NAME]", "Actions, metrics and connections, with their parameters.", NULL, 0,
	 1, cut_cmd_plugins},
	{"recover", "[RUN]", "Goes on with a run whose engine is gone.", recover, 0, 1,
	 cut_cmd_recover},
	{"rehearse", "RUNBOOK", "Plays a runbook through without touching the world.", NULL, 0, 64,
	 NULL},
	{"report", "[RUN]", "What happened, with the evidence.", report, 0, 1, cut_cmd_report},
	{"resume", "[RUN]", "Goes on after a pause.", reason, 0, 1, cut_cmd_untargeted},
	{"retry", "STEP [RUN]", "Tries a failed step, or a failed undo, again.", reason, 1, 2,
	 cut_cmd_targeted},
	{"rollback", "[RUN]", "Goes back; shows what will be undone, and asks.", rollback, 0, 1,
	 cut_cmd_rollback},
	{"run", "RUNBOOK", "Arms a runbook, shows its plan, asks, and runs it.", run, 1, 1,
	 cut_cmd_run},
	{"schema", "", "JSON Schema of the language with the installed plugins.", NULL, 0, 0,
	 cut_cmd_schema},
	{"serve", "", "Web page, HTTP API and metrics.", NULL, 0, 64, NULL},
	{"skip", "STEP [RUN]", "Goes on without a step.", reason, 1, 2, cut_cmd_skip},
	{"status", "[RUN]", "Where a run is now.", status, 0, 1, cut_cmd_status},
	{"trigger test", "FILE", "Evaluates triggers over recorded samples.", NULL, 1, 1,
	 cut_cmd_trigger_test},
	{"validate", "RUNBOOK", "Checks a runbook without touching the network.", NULL, 1, 1,
	 cut_cmd_validate},
	{"version", "", "Prints the version.", NULL, 0, 0, cut_cmd_version},
	{"watch", "[RUN]", "Follows a run to its end.", NULL, 0, 1, cut_cmd_watch},
	{NULL, NULL, NULL, NULL, 0, 0, NULL},
};
