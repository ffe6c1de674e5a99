/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the journal files of a run record by record, without checking them again: what event
 * streams send. Its only memory is a file offset, so that a slow reader costs nothing. */
#pragma once

#include "engine/base/err.h"
#include "engine/base/buf.h"

struct cut_tail;

struct cut_tail *cut_tail_new(const char *dir, uint64_t after_seq);
/* The next record after what was read, up to max_seq: 1 with its number and JSON text (borrowed
 * until the next call); 0: none yet; negative errno. */
int cut_tail_next(struct cut_tail *tail, uint64_t max_seq, uint64_t *ret_seq, const char **ret_json,
		  size_t *ret_len);
void cut_tail_free(struct cut_tail *tail);
