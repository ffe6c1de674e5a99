/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold whatever the input is. Used by the fuzz targets. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define need(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
