/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that only their owner may write to: made where missing, checked where not. Used for the
 * state directory, runs and the control socket's directory. */
#pragma once

#include "engine/base/err.h"

#include <sys/types.h>

#define CUT_STATE_ELSEWHERE "`--state-dir` names another place"

/* elsewhere: what an operator is told to do where the folder cannot be used. */

/* Makes the last part of path, with mode whatever the umask. 0, also where it is there already. */
int cut_folder_make(const char *path, mode_t mode, const char *elsewhere, struct cut_err *err);
/* With everything above it that is missing. */
int cut_folder_make_all(const char *path, mode_t mode, const char *elsewhere, struct cut_err *err);
/* A folder, no symbolic link, of this user or root, that nobody else may write to; -EPERM. */
int cut_folder_check(const char *path, const char *elsewhere, struct cut_err *err);
int cut_folder_sync(const char *path, struct cut_err *err);
