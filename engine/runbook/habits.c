/* SPDX-License-Identifier: Apache-2.0 */
/* What people who come from other tools write, and what it is called here: for "did you mean".
 * Called for every word that is not known. */
#include "engine/runbook/load.h"

#include <string.h>

static const struct {
	const char *theirs, *ours;
} habits[] = {
	{"above", "bad"},
	{"after", "needs"},
	{"approval", "approve"},
	{"below", "bad"},
	{"block", "steps"},
	{"chdir", "cwd"},
	{"cmd", "argv"},
	{"cmd", "run"},
	{"command", "argv"},
	{"command", "run"},
	{"condition", "bad"},
	{"continue-on-error", "on_failure"},
	{"dependencies", "needs"},
	{"dependsOn", "needs"},
	{"depends_on", "needs"},
	{"end", "closes"},
	{"env", "environments"},
	{"ignore", "continue"},
	{"ignore_errors", "on_failure"},
	{"inputs", "parameters"},
	{"inputs", "params"},
	{"jobs", "phases"},
	{"loop", "foreach"},
	{"matrix", "foreach"},
	{"name", "id"},
	{"parameters", "params"},
	{"params", "parameters"},
	{"password", "secret"},
	{"pause", "wait"},
	{"query", "with"},
	{"register", "outputs"},
	{"requires", "needs"},
	{"retries", "retry"},
	{"script", "run"},
	{"stages", "phases"},
	{"start", "opens"},
	{"tasks", "steps"},
	{"threshold", "bad"},
	{"users", "members"},
	{"vars", "parameters"},
	{"vars", "params"},
	{"version", "cutover"},
	{"when", "if"},
	{"with_items", "foreach"},
	{"working-directory", "cwd"},
};

void load_near_try(struct cut_near *near, const char *candidate)
{
	for (size_t i = 0; i < CUT_ARRAY_LEN(habits); i++)
		if (strcmp(habits[i].theirs, near->word) == 0 &&
		    strcmp(habits[i].ours, candidate) == 0) {
			near->best = candidate;
			near->distance = 0;
			return;
		}
	cut_near_try(near, candidate);
}
