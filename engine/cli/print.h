/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: on a terminal long lines are folded between words, elsewhere left whole for grep.
 * Used by every command that prints lines whose length a runbook decides. And records for programs. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define CUT_WIDTH 80

/* text: whole lines. */
void cut_print_text(const char *text, FILE *out);
/* A line: the record's JSON as the journal has it, and its number. */
void cut_print_record(const char *json, size_t len, uint64_t seq);
