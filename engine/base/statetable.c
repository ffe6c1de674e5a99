/* SPDX-License-Identifier: Apache-2.0 */
/* States that move only through a table. */
#include "engine/base/statetable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cut_state_may(const struct cut_state_row *table, unsigned from, unsigned to)
{
	return to < 32 && (table[from].to & CUT_TO(to)) != 0;
}

void cut_state_move(const struct cut_state_row *table, const char *what, unsigned *state,
		    unsigned to)
{
	if (!cut_state_may(table, *state, to)) {
		fprintf(stderr, "cutover: bug: %s cannot move from %s to %s\n", what,
			table[*state].name, table[to].name);
		abort();
	}
	*state = to;
}

int cut_state_named(const struct cut_state_row *table, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(table[i].name, name) == 0)
			return (int)i;
	return -1;
}
