/* SPDX-License-Identifier: Apache-2.0 */
/* States that move only through a table. Used by every machine of the core; the docs are made of
 * the tables. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cut_state_row {
	const char *name;
	uint32_t to; /* a bit for each state that may follow */
};

#define CUT_TO(state) (1u << (state))

bool cut_state_may(const struct cut_state_row *table, unsigned from, unsigned to);
/* Moves *state, or ends the process when the move is not in the table: a programming error. */
void cut_state_move(const struct cut_state_row *table, const char *what, unsigned *state,
		    unsigned to);
/* -1 when no row has that name. */
int cut_state_named(const struct cut_state_row *table, size_t len, const char *name);
