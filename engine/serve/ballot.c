/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/ballot.h"

#include "engine/base/hash.h"
#include "engine/base/sshsig.h"

#include <errno.h>
#include <string.h>

#define NONCE_MIN 16
#define NONCE_MAX 64

static int refuse(struct cut_err *err, const char *gate, const char *why)
{
	cut_err_done(err);
	return cut_err_set(err, -EPERM, why, "make a new statement with --statement, and sign that",
			   "the signed vote on %s does not count", gate);
}

/* Nothing in a statement is overlooked: a condition that somebody added would be. */
static const char *strange_member(const json_t *statement)
{
	static const char *const known[] = {"run",	 "gate",     "plan_sha256",
					    "decision",	 "evidence", "evidence_sha256",
					    "not_after", "nonce",    "comment"};
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)statement, key, value) {
		bool found = false;

		for (size_t i = 0; i < CUT_ARRAY_LEN(known); i++)
			found = found || strcmp(known[i], key) == 0;
		if (!found)
			return key;
	}
	return NULL;
}

static bool evidence_fits(const json_t *statement)
{
	const json_t *evidence = json_object_get(statement, "evidence");
	cut_auto(cut_buf) struct cut_buf text = {0};
	char digest[CUT_SHA256_HEX + 1];

	if (!evidence)
		return true;
	cut_json_canonical(evidence, &text);
	cut_sha256_hex(text.data, text.len, digest);
	return strcmp(digest, cut_json_str(statement, "evidence_sha256", "")) == 0;
}

/* What is wrong with the statement, or NULL. */
static const char *look_at(struct cut_driver *driver, const json_t *s, const struct cut_event *ev,
			   cut_time wall)
{
	const json_t *armed = cut_run_armed(cut_driver_run(driver));
	const char *until = cut_json_str(s, "not_after", "");
	size_t nonce_len = strlen(cut_json_str(s, "nonce", ""));
	cut_time not_after;

	if (strange_member(s))
		return "its statement has a member that has no meaning";
	if (strcmp(cut_json_str(s, "run", ""), cut_driver_options(driver)->run_id) != 0)
		return "it is for another run";
	if (strcmp(cut_json_str(s, "plan_sha256", ""), cut_json_str(armed, "plan_sha256", "?")) !=
	    0)
		return "it is for another plan";
	if (strcmp(cut_json_str(s, "gate", ""), ev->approval.gate) != 0)
		return "it is for another gate";
	if (strcmp(cut_json_str(s, "decision", ""), ev->approval.decline ? "decline" : "approve") !=
	    0)
		return "it says the opposite";
	if (cut_rfc3339_parse(until, strlen(until), &not_after) < 0)
		return "it does not say until when it holds";
	if (wall > not_after)
		return "it has expired";
	if (nonce_len < NONCE_MIN || nonce_len > NONCE_MAX)
		return "it has no nonce of 16 to 64 characters";
	if (!cut_json_str(s, "evidence_sha256", NULL) || !evidence_fits(s))
		return "it does not say on which evidence";
	return NULL;
}

static int read_statement(struct cut_driver *driver, const char *text, cut_time wall,
			  struct cut_ballot *ballot, struct cut_event *ev, struct cut_err *err)
{
	const char *why;

	if (cut_json_parse(text, strlen(text), "the statement", &ballot->statement, NULL) < 0 ||
	    !json_is_object(ballot->statement))
		return refuse(err, ev->approval.gate, "its statement is no JSON object");
	why = look_at(driver, ballot->statement, ev, wall);
	if (why)
		return refuse(err, ev->approval.gate, why);
	ev->approval.comment = cut_json_str(ballot->statement, "comment", NULL);
	ev->approval.nonce = cut_json_str(ballot->statement, "nonce", NULL);
	ev->approval.evidence = cut_json_str(ballot->statement, "evidence_sha256", NULL);
	return 0;
}

int cut_ballot_read(struct cut_driver *driver, const json_t *request, cut_time wall,
		    struct cut_ballot *ballot, struct cut_event *ev, struct cut_err *err)
{
	const json_t *given = json_object_get(request, "signed"), *holder;
	const char *statement = cut_json_str(given, "statement", "");
	const char *signature = cut_json_str(given, "signature", "");
	const char *gate = ev->approval.gate;
	cut_auto(cut_sshkey) struct cut_sshkey *key = NULL;
	cut_auto(cut_err) struct cut_err bad = {0};
	int r;

	ballot->proof = json_pack("{s:s, s:s, s:s}", "statement", statement, "signature", signature,
				  "delivered_by", ev->actor);
	ev->approval.proof = ballot->proof;
	ev->approval.uid = -1;
	ev->approval.name = NULL;
	r = cut_sshsig_verify(signature, strlen(signature), CUT_BALLOT_NAMESPACE, statement,
			      strlen(statement), &key, &bad);
	if (r < 0)
		return refuse(err, gate, bad.why);
	ballot->key = cut_strdup(cut_sshkey_fingerprint(key));
	ev->approval.key = ballot->key;
	holder = cut_run_key_holder(cut_driver_run(driver), ballot->key);
	if (!holder) {
		cut_auto(cut_str) char *why = cut_printf("no role knows the key %s", ballot->key);

		return refuse(err, gate, why);
	}
	ev->approval.uid = cut_json_int(holder, "uid", -1);
	ev->approval.name = cut_json_str(holder, "name", NULL);
	ballot->actor = cut_printf("%s (%s)", ev->approval.name, ballot->key);
	ev->actor = ballot->actor;
	return read_statement(driver, statement, wall, ballot, ev, err);
}

void cut_ballot_done(struct cut_ballot *ballot)
{
	json_decref(ballot->statement);
	json_decref(ballot->proof);
	free(ballot->key);
	free(ballot->actor);
}
