/* SPDX-License-Identifier: Apache-2.0 */
/* Where a database is and how to get in: a connection of the runbook as libpq's keywords. Host
 * names are resolved in a thread, because libpq itself would stop the loop for it. Used by pg.c. */
#pragma once

#include "kit/kit.h"

struct dsn;

/* Reads {dsn, secret, ca_file} of a connection. *ret is owned by the caller. */
int dsn_new(struct cut_call *call, const char *connection, struct dsn **ret, struct kit_why *why);
void dsn_free(struct dsn *dsn);

/* Finds the addresses of its hosts. Blocks: only for a thread. */
int dsn_resolve(struct dsn *dsn, struct kit_why *why);

/* As PQconnectStartParams wants them; borrowed from dsn. */
const char *const *dsn_keywords(const struct dsn *dsn);
const char *const *dsn_values(const struct dsn *dsn);
