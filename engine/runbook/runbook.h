/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a runbook to its model, with every fault of the file in one go. Called by the
 * commands and by the engine when it resumes. */
#pragma once

#include "engine/base/err.h"
#include "engine/core/model.h"

#define CUT_FAULTS_MAX 1000 /* of one file; what is beyond is only counted */

enum cut_severity { CUT_SEV_ERROR, CUT_SEV_WARNING };

struct cut_fault {
	char *file; /* owned */
	struct cut_mark mark;
	unsigned width; /* of the caret's underline, at least 1 */
	enum cut_severity severity;
	char *what; /* owned: "unknown key 'neeeds' in a step" */
	char *hint; /* owned or NULL: "did you mean 'needs'?" */
};

struct cut_faults {
	struct cut_fault *items; /* owned; in the order of the file */
	size_t len, cap;
	size_t errors;	 /* also those that were only counted */
	size_t left_out; /* beyond CUT_FAULTS_MAX */
	char *source;	 /* owned: the file's text for the carets, or NULL */
	size_t source_len;
};

void cut_faults_add(struct cut_faults *faults, const char *file, struct cut_mark mark,
		    enum cut_severity severity, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* "file:line:col: error: what; hint" + source line + caret, for each. */
void cut_faults_print(const struct cut_faults *faults, bool color, struct cut_buf *out);
json_t *cut_faults_json(const struct cut_faults *faults); /* the list of `validate --output json` */
void cut_faults_done(struct cut_faults *faults);

struct cut_load_options {
	const struct cut_catalog *catalog;
	/* Called for each plugin that the file names, before anything is looked up in the catalog:
	 * adds it there. NULL: the catalog is complete. An error of it is the load's. */
	int (*need_plugin)(void *data, const char *name, struct cut_err *err);
	/* Asks a plugin what it says of parameters that are all known: calls is a list of {action,
	 * params}, *ret gets the reason against each, or null. NULL: nobody is asked. */
	int (*check_params)(void *data, const char *plugin, const json_t *calls, json_t **ret,
			    struct cut_err *err);
	void *need_data; /* for both */
	const json_t
		*set; /* --set, name → text; a name that is not declared is an error; or NULL */
	const json_t
		*params; /* of cut_params_read; may hold more than this runbook declares; or NULL */
	const json_t
		*resolved; /* rb->parameters of an earlier load, taken as they are (a resume) */
	bool large;	   /* up to 64 MiB */
};

/* Reads, expands, types and checks (core/check included). 0 and *ret_rb; or -EINVAL with at least
 * one error in faults; or another negative errno with err (cannot read). faults gets warnings too.
 */
int cut_runbook_load(const char *path, const struct cut_load_options *options,
		     struct cut_faults *faults, struct cut_runbook **ret_rb, struct cut_err *err);
/* The same from memory: name stands for the file in messages, folder for relative paths. */
int cut_runbook_load_text(const char *text, size_t len, const char *name, const char *folder,
			  const struct cut_load_options *options, struct cut_faults *faults,
			  struct cut_runbook **ret_rb, struct cut_err *err);
/* The canonical JSON of the document: what `runbook.json` holds. cut_runbook_load_text reads it
 * back, with rb->parameters as options->resolved, into the same model and the same identity; fills
 * rb->sha256, its SHA-256. */
int cut_runbook_identity(struct cut_runbook *rb, struct cut_buf *ret_canonical);
/* Reads a file of parameters (--params): one map, YAML or JSON. *ret: name → text, or the JSON of a
 * list or map; new reference. Errors as cut_runbook_load. */
int cut_params_read(const char *path, struct cut_faults *faults, json_t **ret, struct cut_err *err);
/* JSON Schema (draft 2020-12) of the language with the catalog's actions. */
json_t *cut_runbook_schema(const struct cut_catalog *catalog);
