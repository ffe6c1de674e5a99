/* SPDX-License-Identifier: Apache-2.0 */
/* The course of every action that writes records; see write.h.
 *
 *	open → find servers → read → judge ┬→ plan: dry update → done
 *	                    ├→ observe → done
 *	                    └→ save → update → settle → done
 *	                               │ ▲ conflict or no answer
 *	                               └→ read again → judge */
#include "dns/write.h"

#include "dns/find.h"
#include "dns/settle.h"
#include "dns/update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN_MS 250 /* before the call's deadline, to end it ourselves with a reason */

struct write {
	struct dns_settle settle; /* call->data */
	struct cut_call *call;
	const struct dns_kind *kind;
	enum kit_op op;
	struct dns_zone zone;
	struct dns_find find;
	struct dns_changes changes;
	struct dns_survey survey;
	struct dns_question *questions; /* owned */
	struct dns_update update;
	struct dns_rrset **want; /* owned: one a change, while the update is under way */
	bool updated;		 /* an UPDATE was sent */
	bool settling;
};

static void settle(struct write *w);

static struct write *of(struct cut_call *call)
{
	return kit_container((struct dns_settle *)call->data, struct write, settle);
}

static void free_want(struct write *w)
{
	for (size_t i = 0; w->want && i < w->changes.n; i++)
		dns_rrset_free(w->want[i]);
	free(w->want);
	w->want = NULL;
}

static void end(struct write *w, enum cut_status status, json_t *data, const char *text)
{
	struct cut_call *call = w->call;

	dns_find_done(&w->find);
	dns_update_done(&w->update);
	dns_survey_done(&w->survey);
	dns_settle_done(&w->settle);
	free_want(w);
	free(w->questions);
	dns_changes_done(&w->changes);
	dns_zone_close(&w->zone);
	kit_done(call, status, data, "%s", text);
	free(w);
}

static bool backward(const struct write *w)
{
	return w->op == KIT_ROLLBACK;
}

static void end_conflict(struct write *w, size_t index)
{
	char *text = dns_change_conflict(&w->changes.list[index], backward(w));

	end(w, CUT_FAIL, NULL, text);
	free(text);
}

static void end_well(struct write *w, const char *text)
{
	json_t *data = NULL;

	if (w->op != KIT_ROLLBACK)
		data = w->kind->outputs(w->call, &w->zone, &w->changes,
					dns_settle_last_seen(&w->settle));
	end(w, CUT_OK, data, text);
}

static void on_settled(struct dns_settle *settle)
{
	struct write *w = kit_container(settle, struct write, settle);
	struct kit_why why;

	if (settle->result == DNS_SETTLED) {
		end_well(w, w->op == KIT_ROLLBACK ? "the records are as they were before"
						  : w->kind->done);
		return;
	}
	if (settle->primary_stale && w->updated)
		kit_why(&why, 0,
			"%s answered NOERROR to the update and ignored it: %s; see its log for why",
			w->zone.primary.text, settle->why);
	else
		kit_why(&why, 0, "not every server of %s shows the change: %s; %s %s, then retry",
			w->zone.name_text, settle->why,
			settle->result == DNS_DOWN
				? "start who does not answer, or take it out of the servers of"
				: "see to their transfers from",
			settle->result == DNS_DOWN ? w->zone.name_text : w->zone.primary.text);
	/* A server that gives no answers gives no wrong ones: no reason to hold up a rollback. */
	if (w->op == KIT_ROLLBACK && settle->result == DNS_DOWN && settle->first_seen[0])
		end_well(w, why.text);
	else
		end(w, CUT_FAIL, NULL, why.text);
}

/* What every server must show in the end. */
static void expect_all(struct write *w)
{
	for (size_t i = 0; i < w->changes.n; i++) {
		const struct dns_change *c = &w->changes.list[i];

		dns_settle_expect(&w->settle, dns_rrset_copy(backward(w) ? c->before : c->after),
				  dns_change_owns(c, backward(w)));
	}
}

static void settle(struct write *w)
{
	int64_t now = w->call->api->now(w->call);
	int64_t lag = now + (int64_t)(w->zone.max_lag_s * 1000);
	int64_t last = w->call->deadline - MARGIN_MS;

	w->settling = true;
	expect_all(w);
	w->settle.servers = w->zone.servers;
	w->settle.n_servers = w->zone.n_servers;
	w->settle.give_up = lag < last ? lag : last;
	w->settle.done = on_settled;
	dns_settle_start(&w->settle);
}

/* The update said that something else stands there, or nothing at all: what is there now? */
static void judge_again(struct write *w)
{
	size_t index = 0;

	switch (dns_changes_standing(&w->changes, backward(w), &index)) {
	case DNS_ALL_THERE: settle(w); break;
	case DNS_CONFLICT: end_conflict(w, index); break;
	case DNS_TO_DO:
		end(w, w->update.outcome == DNS_UPDATE_CONFLICT ? CUT_RETRY : CUT_FAIL, NULL,
		    w->update.why.text);
	}
}

static void read_primary(struct write *w);

static void on_update(void *data)
{
	struct write *w = data;

	free_want(w);
	switch (w->update.outcome) {
	case DNS_UPDATE_DONE: settle(w); break;
	case DNS_UPDATE_CONFLICT:
	case DNS_UPDATE_SILENT: read_primary(w); break;
	case DNS_UPDATE_REFUSED: end(w, CUT_FAIL, NULL, w->update.why.text); break;
	case DNS_UPDATE_BUSY: end(w, CUT_RETRY, NULL, w->update.why.text); break;
	}
}

static void on_dry_update(void *data)
{
	struct write *w = data;

	free_want(w);
	if (w->update.outcome == DNS_UPDATE_DONE)
		end(w, CUT_OK, json_pack("{s:o}", "changes", dns_changes_shown(&w->changes)),
		    "the server takes the key and finds the records as read");
	else
		end(w, CUT_FAIL, NULL, w->update.why.text);
}

static void send_update(struct write *w, bool dry)
{
	struct dns_item *items = kit_new_array(struct dns_item, w->changes.n);
	int r;

	w->want = kit_new_array(struct dns_rrset *, w->changes.n);
	for (size_t i = 0; i < w->changes.n; i++) {
		w->want[i] = dns_change_want(&w->changes, i, backward(w));
		items[i] = (struct dns_item){w->changes.list[i].now, w->want[i]};
	}
	dns_update_done(&w->update);
	w->update = (struct dns_update){
		.loop = w->call->api->loop(w->call),
		.zone = &w->zone,
		.done = dry ? on_dry_update : on_update,
		.data = w,
	};
	w->updated = !dry;
	r = dns_update_start(&w->update, items, w->changes.n, dry);
	free(items);
	if (r < 0)
		end(w, CUT_FAIL, NULL, w->update.why.text);
}

static void on_saved(struct cut_call *call)
{
	struct write *w = of(call);
	size_t index = 0;

	if (dns_changes_standing(&w->changes, false, &index) == DNS_ALL_THERE)
		settle(w);
	else
		send_update(w, false);
}

static void save(struct write *w)
{
	json_t *servers = json_array(), *changes = dns_changes_to_json(&w->changes), *state;

	for (size_t i = 0; i < w->zone.n_servers; i++)
		json_array_append_new(servers, json_string(w->zone.servers[i].text));
	state = json_pack("{s:s, s:o, s:O}", "zone", w->zone.name_text, "servers", servers,
			  "changes", changes);
	if (!dns_changes_restorable(&w->changes, changes)) {
		json_decref(state);
		state = NULL;
	}
	json_decref(changes);
	if (!state)
		end(w, CUT_FAIL, NULL,
		    "the old records are of a form that could not be restored from text, so "
		    "nothing was changed: change them by hand");
	else if (w->call->api->save(w->call, state, on_saved) < 0)
		end(w, CUT_FAIL, NULL,
		    "the old records could not be stored, so nothing was changed");
}

static void observe(struct write *w, enum dns_standing standing, size_t index)
{
	switch (standing) {
	case DNS_ALL_THERE: end_well(w, w->kind->done); break;
	case DNS_TO_DO: end(w, CUT_RETRY, NULL, "the records are as they were before"); break;
	case DNS_CONFLICT: end_conflict(w, index);
	}
}

static void judge(struct write *w)
{
	size_t index = 0;
	enum dns_standing standing = dns_changes_standing(&w->changes, backward(w), &index);

	if (w->op == KIT_OBSERVE)
		observe(w, standing, index);
	else if (w->op == KIT_VERIFY)
		settle(w);
	else if (standing == DNS_CONFLICT)
		end_conflict(w, index);
	else if (w->op == KIT_APPLY)
		save(w);
	else if (standing == DNS_TO_DO)
		send_update(w, w->op == KIT_PLAN);
	else if (w->op == KIT_ROLLBACK)
		settle(w);
	else
		end(w, CUT_OK, json_pack("{s:o}", "changes", dns_changes_shown(&w->changes)),
		    "nothing to change");
}

/* A TTL cannot go back on records that are no longer there. */
static void drop_vanished(struct write *w)
{
	char name[DNS_NAME_TEXT];

	for (size_t i = w->changes.n; i-- > 0;) {
		const struct dns_change *c = &w->changes.list[i];

		if (c->owns & DNS_OWNS_VALUES || !dns_rrset_empty(c->now))
			continue;
		w->call->api->note(w->call, 2, "%s %s is gone, so its TTL stays",
				   dns_name_text(c->name, name), dns_type_text(c->type));
		dns_changes_drop(&w->changes, i);
	}
}

static void end_unread(struct write *w, const struct dns_answer *answer)
{
	enum cut_status status = CUT_RETRY;
	struct kit_why why;

	if (w->updated || w->op == KIT_OBSERVE)
		status = CUT_UNKNOWN;
	if (w->op == KIT_PLAN || w->op == KIT_ROLLBACK)
		status = CUT_FAIL;
	kit_why(&why, 0, "the records of %s cannot be read: primary %s %s%s%s", w->zone.name_text,
		w->zone.primary.text, answer->why, w->updated ? "; before that: " : "",
		w->updated ? w->update.why.text : "");
	end(w, status, NULL, why.text);
}

static void on_read(void *data)
{
	struct write *w = data;
	struct kit_why why;

	for (size_t i = 0; i < w->changes.n; i++) {
		struct dns_answer *answer = dns_survey_answer(&w->survey, 0, i);
		struct dns_change *change = &w->changes.list[i];

		if (answer->error) {
			end_unread(w, answer);
			return;
		}
		dns_rrset_free(change->now);
		change->now = answer->rrset;
		answer->rrset = NULL;
		if (!change->before)
			change->tail_s = dns_rrset_empty(change->now) ? answer->negative_ttl
								      : change->now->ttl;
	}
	dns_survey_done(&w->survey);
	if (w->updated) {
		judge_again(w);
		return;
	}
	if (w->op == KIT_ROLLBACK)
		drop_vanished(w);
	if (!w->call->saved && w->kind->target(w->call, &w->zone, &w->changes, &why) < 0) {
		end(w, CUT_FAIL, NULL, why.text);
		return;
	}
	for (size_t i = 0; i < w->changes.n; i++)
		if (!w->changes.list[i].before)
			w->changes.list[i].before = dns_rrset_copy(w->changes.list[i].now);
	judge(w);
}

static void read_primary(struct write *w)
{
	free(w->questions);
	w->questions = kit_new_array(struct dns_question, w->changes.n);
	for (size_t i = 0; i < w->changes.n; i++)
		w->questions[i] =
			(struct dns_question){w->changes.list[i].name, w->changes.list[i].type};
	w->survey = (struct dns_survey){
		.servers = &w->zone.primary,
		.n_servers = 1,
		.questions = w->questions,
		.n_questions = w->changes.n,
		.loop = w->call->api->loop(w->call),
		.done = on_read,
		.data = w,
	};
	dns_survey_start(&w->survey);
}

static void on_deadline(struct cut_call *call)
{
	struct write *w = of(call);

	if (w->settling)
		dns_settle_give_up(&w->settle);
	else
		end(w,
		    w->updated		 ? CUT_UNKNOWN
		    : w->op == KIT_APPLY ? CUT_RETRY
					 : CUT_FAIL,
		    NULL, "the time of this call was over before the primary server had answered");
}

static int load(struct write *w, struct kit_why *why)
{
	const json_t *params = w->call->params, *saved = w->call->saved, *text;
	struct dns_server server;
	size_t i;
	int r = dns_zone_open(w->call, json_string_value(json_object_get(params, "zone")), &w->zone,
			      why);

	if (r < 0)
		return r;
	if (!*w->zone.key_name && w->op != KIT_VERIFY && w->op != KIT_OBSERVE)
		return kit_why(why, -EINVAL,
			       "the connection has no TSIG key, and records are only "
			       "changed with one: give key and secret");
	if (!saved)
		return w->kind->read(params, &w->zone, &w->changes, why);
	w->zone.listed = true;
	json_array_foreach (json_object_get(saved, "servers"), i, text)
		if (dns_server_parse(json_string_value(text), &server, why) == 0)
			dns_zone_add(&w->zone, &server);
	return dns_changes_from_json(json_object_get(saved, "changes"), &w->changes, why);
}

static void on_found(void *data, int error)
{
	struct write *w = data;

	if (error)
		end(w, w->op == KIT_APPLY ? CUT_RETRY : CUT_FAIL, NULL, w->find.why.text);
	else if (w->op == KIT_VERIFY && w->call->saved)
		settle(w);
	else
		read_primary(w);
}

void dns_write(struct cut_call *call, const struct dns_kind *kind)
{
	struct write *w = kit_new(struct write);
	int64_t left = call->deadline - call->api->now(call);
	struct kit_why why;

	w->call = w->settle.call = call;
	w->kind = kind;
	w->op = kit_op(call);
	call->data = &w->settle;
	if (!call->saved && w->op == KIT_ROLLBACK)
		end(w, CUT_OK, NULL, "nothing was saved, so nothing was changed");
	else if (!call->saved && w->op == KIT_OBSERVE)
		end(w, CUT_RETRY, NULL, "nothing was saved, so nothing was changed");
	else if (load(w, &why) < 0)
		end(w, CUT_FAIL, NULL, why.text);
	else {
		call->api->after(call, left > 2 * MARGIN_MS ? left - MARGIN_MS : left / 2,
				 on_deadline);
		w->find = (struct dns_find){.loop = call->api->loop(call),
					    .zone = &w->zone,
					    .done = on_found,
					    .data = w};
		dns_find_start(&w->find);
	}
}

void dns_write_cancel(struct cut_call *call)
{
	end(of(call), CUT_CANCELED, NULL,
	    of(call)->updated ? "canceled after an update had been sent"
			      : "canceled before any change");
}
