/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runtime/pager.h"

#include "engine/base/log.h"
#include "engine/runtime/needs.h"

#include <string.h>

#define NOTIFY_TIMEOUT (30 * CUT_SECOND)

/* One bell an entry, for whatever comes first; CUT_NEVER: nothing of that kind. */
struct entry {
	struct cut_pager *pager;
	const struct cut_notify *notify;
	struct cut_bell *bell; /* owned */
	cut_time at;	       /* wall: the next of its times */
	cut_time every;	       /* boot: the next end of its interval */
};

struct cut_pager {
	struct cut_world *world; /* borrowed */
	const struct cut_runbook *rb;
	struct cut_calls *calls;
	const struct cut_catalog_action *action; /* notify */
	struct entry *entries;			 /* owned array */
};

static void on_notified(void *data, enum cut_status status, const char *text, json_t *result,
			bool sent)
{
	if (status != CUT_OK || !cut_json_bool(result, "delivered", true))
		cut_log(CUT_LOG_WARN, "notify_failed", "why=\"%s\"", text ? text : "");
}

static void notify(struct cut_pager *p, const struct cut_notify *n, const char *told)
{
	cut_auto(cut_json) json_t *params = json_object();
	cut_auto(cut_str) char *line = cut_printf("%s: %s", p->rb->name, told);
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
				notify(p, n, n->text ? n->text : json);
		}
	}
}

void cut_pager_page(struct cut_pager *p, const char *event, const char *text)
{
	cut_log(CUT_LOG_WARN, "page", "event=%s text=\"%s\"", event, text);
	for (uint32_t i = 0; i < p->rb->notifies_len; i++) {
		const struct cut_notify *n = &p->rb->notifies[i];
		cut_auto(cut_str) char *both = n->text ? cut_printf("%s: %s", n->text, text) : NULL;

		notify(p, n, both ? both : text);
	}
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

/* The first of the times of this entry that is after `wall`; they stand there in any order. */
static cut_time at_after(const struct entry *e, cut_time wall)
{
	cut_time first = CUT_NEVER;

	for (uint32_t i = 0; i < e->notify->at_len; i++) {
		cut_time at = when_wall(e->pager->rb, &e->notify->at[i]);

		if (at > wall && at < first)
			first = at;
	}
	return first;
}

static void entry_set_bell(struct entry *e)
{
	cut_time boot = cut_world_boot(e->pager->world), wall = cut_world_wall(e->pager->world);
	cut_time at = e->at != CUT_NEVER ? boot + e->at - wall : CUT_NEVER;

	cut_bell_set(e->bell, at < e->every ? at : e->every);
}

/* The two clocks drift apart: a bell set for a wall time may ring before it. Then it is set again.
 */
static void on_bell(void *data)
{
	struct entry *e = data;
	cut_time boot = cut_world_boot(e->pager->world), wall = cut_world_wall(e->pager->world);
	bool due = false;

	if (e->at <= wall) {
		e->at = at_after(e, wall);
		due = true;
	}
	if (e->every <= boot) {
		e->every = boot + e->notify->every;
		due = true;
	}
	if (due)
		notify(e->pager, e->notify, e->notify->text ? e->notify->text : "as planned");
	entry_set_bell(e);
}

void cut_pager_clock_jumped(struct cut_pager *p)
{
	for (uint32_t i = 0; i < p->rb->notifies_len; i++)
		entry_set_bell(&p->entries[i]);
}

void cut_pager_stop(struct cut_pager *p)
{
	for (uint32_t i = 0; i < p->rb->notifies_len; i++) {
		p->entries[i].at = p->entries[i].every = CUT_NEVER;
		entry_set_bell(&p->entries[i]);
	}
}

struct cut_pager *cut_pager_new(struct cut_world *world, const struct cut_runbook *rb,
				struct cut_calls *calls)
{
	struct cut_pager *p = cut_new(struct cut_pager);

	p->world = world;
	p->rb = rb;
	p->calls = calls;
	p->action = cut_catalog_action(rb->catalog, "notify");
	p->entries = cut_new_array(struct entry, rb->notifies_len ? rb->notifies_len : 1);
	for (uint32_t i = 0; i < rb->notifies_len; i++) {
		struct entry *e = &p->entries[i];

		e->pager = p;
		e->notify = &rb->notifies[i];
		e->bell = cut_bell_new(world, on_bell, e);
		e->bell->idle = true;
		e->at = at_after(e, cut_world_wall(world));
		e->every = e->notify->every != CUT_NEVER ? cut_world_boot(world) + e->notify->every
							 : CUT_NEVER;
		entry_set_bell(e);
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
