/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/pager.h"

#include "engine/base/log.h"
#include "engine/runtime/needs.h"

#include <string.h>

#define NOTIFY_TIMEOUT (30 * CUT_SECOND)

/* One bell an entry: the next of its times, or its interval. */
struct entry {
	struct cut_pager *pager;
	const struct cut_notify *notify;
	struct cut_bell *bell; /* owned */
	uint32_t next_at;
};

struct cut_pager {
	struct cut_world *world; /* borrowed */
	const struct cut_runbook *rb;
	struct cut_calls *calls;
	const struct cut_catalog_action *action; /* notify */
	const char *run;
	struct entry *entries; /* owned array */
};

static void on_notified(void *data, enum cut_status status, const char *text, json_t *result,
			bool sent)
{
	if (status != CUT_OK || !cut_json_bool(result, "delivered", true))
		cut_log(CUT_LOG_WARN, "notify_failed", "why=\"%s\"", text ? text : "");
}

static void notify(struct cut_pager *p, const struct cut_notify *n, const char *text)
{
	cut_auto(cut_json) json_t *params = json_object();
	cut_auto(cut_str) char *line = cut_printf("%s: %s", p->rb->name, n->text ? n->text : text);
	struct cut_calls_request request = {
		.action = p->action,
		.op = "apply",
		.step = "notify",
		.timeout = NOTIFY_TIMEOUT,
		.params = params,
	};

	json_object_set_new(params, "text", json_string(line));
	json_object_set_new(params, "format", json_string("json"));
	json_object_set_new(params, "required", json_false());
	if (n->webhook)
		json_object_set_new(params, "webhook", json_string(n->webhook));
	if (n->argv)
		json_object_set(params, "argv", n->argv);
	cut_calls_call(p->calls, &request, &(struct cut_calls_handler){.done = on_notified});
}

void cut_pager_event(struct cut_pager *p, const char *type, const char *json)
{
	for (uint32_t i = 0; i < p->rb->notifies_len; i++) {
		const struct cut_notify *n = &p->rb->notifies[i];

		for (const char **on = n->on; on && *on; on++) {
			if (strcmp(*on, type) == 0)
				notify(p, n, json);
		}
	}
}

void cut_pager_page(struct cut_pager *p, const char *event, const char *text)
{
	cut_log(CUT_LOG_WARN, "page", "event=%s text=\"%s\"", event, text);
	for (uint32_t i = 0; i < p->rb->notifies_len; i++)
		notify(p, &p->rb->notifies[i], text);
}

static void entry_schedule(struct entry *e);

static void on_entry_due(void *data)
{
	struct entry *e = data;

	notify(e->pager, e->notify, "as planned");
	entry_schedule(e);
}

/* Wall time of a `when` of this runbook, or CUT_NEVER. */
static cut_time when_wall(const struct cut_runbook *rb, const struct cut_when *when)
{
	switch (when->base) {
	case CUT_WHEN_AT: return when->at;
	case CUT_WHEN_OPENS: return rb->window.opens ? rb->window.opens + when->at : CUT_NEVER;
	case CUT_WHEN_CLOSES:
		return rb->window.closes != CUT_NEVER ? rb->window.closes + when->at : CUT_NEVER;
	default: return CUT_NEVER;
	}
}

static void entry_schedule(struct entry *e)
{
	const struct cut_notify *n = e->notify;
	cut_time now = cut_world_wall(e->pager->world), due = CUT_NEVER;

	while (e->next_at < n->at_len) {
		due = when_wall(e->pager->rb, &n->at[e->next_at]);
		if (due > now && due != CUT_NEVER)
			break;
		due = CUT_NEVER;
		e->next_at++;
	}
	if (n->every != CUT_NEVER && n->every > 0 && now + n->every < due)
		due = now + n->every;
	if (due != CUT_NEVER)
		cut_bell_set(e->bell, cut_world_boot(e->pager->world) + due - now);
}

struct cut_pager *cut_pager_new(struct cut_world *world, const struct cut_runbook *rb,
				struct cut_calls *calls, const char *run)
{
	struct cut_pager *p = cut_new(struct cut_pager);

	p->world = world;
	p->rb = rb;
	p->calls = calls;
	p->run = run;
	p->action = cut_catalog_action(rb->catalog, "notify");
	p->entries = cut_new_array(struct entry, rb->notifies_len ? rb->notifies_len : 1);
	for (uint32_t i = 0; i < rb->notifies_len; i++) {
		struct entry *e = &p->entries[i];

		e->pager = p;
		e->notify = &rb->notifies[i];
		e->bell = cut_bell_new(world, on_entry_due, e);
		e->bell->idle = true;
		entry_schedule(e);
	}
	return p;
}

void cut_pager_free(struct cut_pager *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->rb->notifies_len; i++)
		cut_bell_free(p->entries[i].bell);
	free(p->entries);
	free(p);
}
