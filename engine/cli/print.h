/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people: on a terminal long lines are folded between words, elsewhere left whole for
 * grep. Used by every command that prints lines whose length a runbook decides. And records for
 * programs. */
#pragma once

#include "engine/base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CUT_WIDTH 80

/* text: whole lines. */
void cut_print_text(const char *text, FILE *out);
/* Whole lines, folded between words into lines of at most `columns`; colours take none. */
void cut_fold_text(const char *text, size_t columns, struct cut_buf *out);
/* Cuts what stands from start on, a line without its end, to columns: "…" tells that there was
 * more. Colours take none; who uses some resets them behind it. */
void cut_clip_line(struct cut_buf *text, size_t start, size_t columns);
size_t cut_count_lines(const char *text); /* that have an end */
/* Takes as many lines away from the end of whole ones; "…" tells that there were more. */
void cut_drop_lines(struct cut_buf *text, size_t drop);
/* A terminal that understands more than lines. */
bool cut_is_screen(FILE *out);
/* Of the terminal behind out, at most CUT_WIDTH columns; 24 by CUT_WIDTH where it does not tell. */
void cut_screen_size(FILE *out, size_t *ret_lines, size_t *ret_columns);
void cut_print_json(const json_t *json, FILE *out); /* on a line */
/* A line: the record's JSON as the journal has it, and its number. */
void cut_print_record(const char *json, size_t len, uint64_t seq);
