/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the secrets that a runbook refers to: files, environment, systemd credentials, commands.
 * Run once when a run is armed or resumed; the values go to the plugin hosts and nowhere else. */
#pragma once

#include "engine/core/model.h"

/* name → value, new reference; each is registered with the log's redaction. Blocking: a command has
 * 10 s. err names the secret, where it was looked for and what to do. */
int cut_secrets_read(const struct cut_runbook *rb, json_t **ret, struct cut_err *err);
/* No core dump of this process, nor of those that it forks, and nobody but root looks into their
 * memory or their /proc. For who reads secrets, and for the supervisor before it forks an engine.
 */
void cut_secrets_guard(void);
/* Moves the values that come from the environment to where /proc/PID/environ does not show them;
 * they can be read as before. For the client, before it forks the supervisor. */
void cut_secrets_hide_env(const struct cut_runbook *rb);
