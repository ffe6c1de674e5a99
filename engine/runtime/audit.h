/* SPDX-License-Identifier: Apache-2.0 */
/* What `cutover audit verify` finds and says about a journal; changes nothing. Used by that command
 * and by recover, which tells what it has cut. */
#pragma once

#include "engine/runtime/journal.h"

/* Reads all of it, JSON included. 0: *ret says what was found, faults included; negative: it could
 * not be read. */
int cut_journal_audit(const char *dir, struct cut_journal_scan *ret, struct cut_err *err);
/* {"ok", "fault": null|"torn"|"corrupt", "records", "last_seq", "synced", "epoch", "files", "head",
 *  "bad": null|{"seq", "file", "offset", "why", "what"}}; a new reference. */
json_t *cut_audit_json(const struct cut_journal_scan *scan);
/* The same for people, ending in a newline. */
void cut_audit_text(const struct cut_journal_scan *scan, struct cut_buf *out);
