/* SPDX-License-Identifier: Apache-2.0 */
/* Who decides, who is told and what is written down: roles, authority, clients, notify, inventory.
 */
#include "engine/runbook/load.h"

#include "engine/base/sshkey.h"

#include <errno.h>
#include <string.h>

uint32_t load_role(struct load *l, uint32_t node, const char *name)
{
	struct cut_near near = {.word = name};

	for (uint32_t i = 0; i < l->rb->roles_len; i++) {
		if (strcmp(l->rb->roles[i].name, name) == 0)
			return i;
		cut_near_try(&near, l->rb->roles[i].name);
	}
	load_fault(l, node, near.best ? load_did_you_mean(l, &near) : "declare it under `roles`",
		   "there is no role '%s'", name);
	return CUT_NONE;
}

static bool is_member(const struct cut_role *role, const char *name)
{
	for (uint32_t i = 0; i < role->members_len; i++)
		if (strcmp(role->members[i], name) == 0)
			return true;
	return false;
}

/* How many different persons are in those of the roles that are in set. */
static uint32_t count_persons(const struct load *l, const uint32_t *roles, uint32_t len,
			      unsigned set)
{
	uint32_t persons = 0;

	for (uint32_t i = 0; i < len; i++) {
		const struct cut_role *role = &l->rb->roles[roles[i]];

		for (uint32_t k = 0; set >> i & 1 && k < role->members_len; k++) {
			const char *name = role->members[k];
			bool known = false;

			for (uint32_t j = 0; j < i && !known; j++)
				known = set >> j & 1 && is_member(&l->rb->roles[roles[j]], name);
			for (uint32_t j = 0; j < k && !known; j++)
				known = strcmp(role->members[j], name) == 0;
			persons += !known;
		}
	}
	return persons;
}

/* A person fills one place only: each set of the roles needs as many persons as it has places
 * (Hall, 1935). */
static void check_together(struct load *l, uint32_t node, const uint32_t *roles, uint32_t len)
{
	enum { ROLES_MAX = 10 }; /* of one gate; more are not looked at */

	for (unsigned set = 1; len <= ROLES_MAX && set < 1u << len; set++) {
		uint32_t places = 0, persons;

		for (uint32_t i = 0; i < len; i++)
			places += set >> i & 1 ? l->rb->roles[roles[i]].quorum : 0;
		persons = count_persons(l, roles, len, set);
		if (persons >= places)
			continue;
		if (!(set & (set - 1)))
			return; /* told where it is declared */
		load_fault(
			l, node, "name more members, or ask for fewer approvals",
			"these roles together want %u approvals, each of another person, and have "
			"%u members",
			places, persons);
		return;
	}
}

uint32_t *load_role_list(struct load *l, uint32_t node, const char **names, uint32_t len,
			 uint32_t *ret_len)
{
	uint32_t *roles = cut_arena_array(&l->rb->arena, uint32_t, len + 1), n = 0;
	uint32_t at = node;

	if (node && cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST)
		at = cut_doc_at(l->doc, node)->child;
	for (uint32_t i = 0; i < len; i++, at = at ? cut_doc_at(l->doc, at)->next : 0) {
		uint32_t role = load_role(l, at ? at : node, names[i]);

		if (role != CUT_NONE)
			roles[n++] = role;
	}
	check_together(l, node, roles, n);
	*ret_len = n;
	return roles;
}

static void check_role(struct load *l, uint32_t node, const struct cut_role *role)
{
	uint32_t distinct = 0, members = load_find(l, node, "members");
	bool list = cut_doc_at(l->doc, members)->kind == CUT_NODE_LIST;

	if (role->members_len < (list ? cut_doc_count(l->doc, members) : 1))
		return; /* who is missing has no value, which was told */
	for (uint32_t i = 0; i < role->members_len; i++) {
		uint32_t j = 0;

		while (j < i && strcmp(role->members[j], role->members[i]) != 0)
			j++;
		distinct += j == i;
	}
	if (role->members_len == 0)
		load_fault(l, members, NULL, "role '%s' has no members", role->name);
	else if (role->quorum > distinct)
		load_fault(l, load_find(l, node, "quorum") ? load_find(l, node, "quorum") : node,
			   "name more members, or ask for fewer approvals",
			   "role '%s' wants %u approvals and has %u member%s", role->name,
			   role->quorum, distinct, distinct == 1 ? "" : "s");
}

/* One key is one person's, in all roles: else a quorum could be one person's, too. */
static void check_holder(struct load *l, uint32_t node, const struct cut_role_key *key)
{
	for (uint32_t r = 0; r < l->rb->roles_len; r++) {
		const struct cut_role *role = &l->rb->roles[r];

		for (uint32_t i = 0; i < role->keys_len; i++)
			if (strcmp(role->keys[i].fingerprint, key->fingerprint) == 0 &&
			    strcmp(role->keys[i].member, key->member) != 0)
				load_fault(l, node, "each person has keys of his own",
					   "this key is %s's in role '%s'", role->keys[i].member,
					   role->name);
	}
}

static void load_key(struct load *l, uint32_t node, struct cut_role *role, const char *member)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_sshkey) struct cut_sshkey *public = NULL;
	struct cut_role_key key = {.member = member};
	const char *fingerprint;

	if (!load_is(l, node, CUT_NODE_SCALAR, "a key"))
		return;
	key.line = load_text(l, node);
	if (cut_sshkey_parse(key.line, strlen(key.line), &public, &err) < 0) {
		load_fault(l, node, err.why, "%s", err.what);
		return;
	}
	fingerprint = cut_sshkey_fingerprint(public);
	key.fingerprint = cut_arena_strndup(&l->rb->arena, fingerprint, strlen(fingerprint));
	check_holder(l, node, &key);
	role->keys[role->keys_len++] = key;
}

static void load_keys(struct load *l, uint32_t node, struct cut_role *role)
{
	size_t len = 0;

	if (!load_is(l, node, CUT_NODE_MAP, "keys"))
		return;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next)
		len += 1 + cut_doc_count(l->doc, at);
	role->keys = cut_arena_array(&l->rb->arena, struct cut_role_key, len + 1);
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		bool list = cut_doc_at(l->doc, at)->kind == CUT_NODE_LIST;
		const char *member = cut_doc_key(l->doc, at);

		if (!is_member(role, member))
			load_fault_key(l, at, "name a member of this role",
				       "role '%s' has no member '%s'", role->name, member);
		for (uint32_t item = list ? cut_doc_at(l->doc, at)->child : at; item;
		     item = list ? cut_doc_at(l->doc, item)->next : 0)
			load_key(l, item, role, member);
	}
}

void load_roles(struct load *l)
{
	uint32_t node = l->top.roles;

	if (!node || !load_is(l, node, CUT_NODE_MAP, "roles"))
		return;
	l->rb->roles = cut_arena_array(&l->rb->arena, struct cut_role, cut_doc_count(l->doc, node));
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		struct cut_role *role = &l->rb->roles[l->rb->roles_len++];
		struct role_draft draft;

		bool loaded = load_object(l, T_ROLE, at, &draft) == 0;

		if (loaded)
			*role = draft.role;
		role->name = cut_doc_key(l->doc, at);
		if (loaded && draft.keys)
			load_keys(l, draft.keys, role);
		if (load_id_valid(l, at, role->name) && role->members)
			check_role(l, at, role);
	}
}

/* Each of the names at key, in a list or alone, is a role. */
static void check_roles(struct load *l, uint32_t node)
{
	bool list = cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST;

	for (uint32_t at = list ? cut_doc_at(l->doc, node)->child : node; at;
	     at = list ? cut_doc_at(l->doc, at)->next : 0) {
		const char *name =
			cut_doc_at(l->doc, at)->kind == CUT_NODE_SCALAR ? load_text(l, at) : NULL;

		if (name)
			load_role(l, at, name);
	}
}

void load_authority(struct load *l)
{
	uint32_t node = l->top.authority;

	if (!node)
		return;
	l->rb->authority = load_noted(l, T_AUTHORITY, node);
	if (!l->rb->authority)
		return;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next)
		check_roles(l, at);
}

void load_clients(struct load *l)
{
	uint32_t node = l->top.clients;
	struct cut_map ids = {0};
	cut_auto(cut_json) json_t *list = NULL;

	if (!node)
		return;
	list = load_noted_list(l, T_CLIENT, node);
	if (!list)
		return;
	l->rb->clients =
		cut_arena_array(&l->rb->arena, struct cut_client, cut_doc_count(l->doc, node) + 1);
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		struct cut_client *client = &l->rb->clients[l->rb->clients_len++];
		uint32_t id = load_find(l, at, "id"), what = load_find(l, at, "what");
		uint32_t owner = load_find(l, at, "owner"), due = load_find(l, at, "due");
		struct cut_when when = {0};

		client->id = id ? load_text(l, id) : NULL;
		client->what = what ? load_text(l, what) : NULL;
		client->owner = owner ? load_text(l, owner) : NULL;
		l->repeated = true; /* a fault of it was told with the list */
		if (due && load_when(l, due, &when) == 0) {
			client->due = when;
			load_relative(l, due, when, &l->rb->window);
		}
		l->repeated = false;
		if (client->id && !cut_map_put(&ids, client->id, strlen(client->id), at, NULL))
			load_fault(l, id, "clients have one name space",
				   "'%s' is the id of line %u already", client->id,
				   load_mark(l, cut_map_find(&ids, client->id)).line);
	}
	cut_map_done(&ids);
}

/* Record types of the journal, which are what a notify entry may ask for. */
static const char record_types[] = "armed|tick|intent|saved|outcome|step|run|trigger|acceptance|"
				   "approval|order|clock|note|resumed|sealed";

static void check_events(struct load *l, uint32_t node)
{
	uint32_t at = cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST
			      ? cut_doc_at(l->doc, node)->child
			      : node;
	unsigned word;

	for (; at;
	     at = cut_doc_at(l->doc, at)->kind && at != node ? cut_doc_at(l->doc, at)->next : 0)
		load_word(l, at, record_types, &word);
}

static void load_times(struct load *l, uint32_t node, struct cut_notify *notify)
{
	bool list = cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST;

	notify->at = cut_arena_array(&l->rb->arena, struct cut_when,
				     list ? cut_doc_count(l->doc, node) + 1 : 1);
	for (uint32_t at = list ? cut_doc_at(l->doc, node)->child : node; at;
	     at = list ? cut_doc_at(l->doc, at)->next : 0)
		if (load_when(l, at, &notify->at[notify->at_len]) == 0)
			load_relative(l, at, notify->at[notify->at_len++], &l->rb->window);
}

static void load_url(struct load *l, uint32_t node, const char *text)
{
	cut_auto(cut_err) struct cut_err err = {0};
	cut_auto(cut_json) json_t *url = NULL;

	if (cut_value_parse(CUT_T_URL, NULL, text, strlen(text), &url, &err) < 0)
		load_fault(l, node, NULL, "'%s' is not %s", text, err.what);
}

static void load_notify(struct load *l, uint32_t node, struct cut_notify *notify)
{
	struct load_values values = {.constant = true};
	struct notify_draft draft;

	bool usable;

	notify->every = CUT_NEVER;
	usable = load_object(l, T_NOTIFY, node, &draft) == 0;
	notify->webhook = draft.webhook;
	notify->text = draft.text;
	notify->every = draft.every;
	notify->on = draft.on_len ? draft.on : NULL;
	if (usable && !draft.webhook == !draft.argv)
		load_fault(l, node, NULL, "a notify entry needs either 'webhook' or 'argv'");
	if (draft.webhook)
		load_url(l, load_find(l, node, "webhook"), draft.webhook);
	if (draft.argv)
		notify->argv = load_value(l, draft.argv, CUT_T_ARGV, 0, NULL, &values);
	if (draft.on_len)
		check_events(l, load_find(l, node, "on"));
	if (draft.at)
		load_times(l, draft.at, notify);
	cut_buf_done(&values.pointer);
}

void load_notifies(struct load *l)
{
	uint32_t node = l->top.notify;

	if (!node || !load_is(l, node, CUT_NODE_LIST, "notify"))
		return;
	l->rb->notifies =
		cut_arena_array(&l->rb->arena, struct cut_notify, cut_doc_count(l->doc, node) + 1);
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next)
		load_notify(l, at, &l->rb->notifies[l->rb->notifies_len++]);
}

static void note(struct load *l, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(l->rb->inventory, key, value);
}

static json_t *load_strategy(struct load *l, uint32_t node)
{
	static const char words[] = "big_bang|phased|blue_green|canary";
	bool list = cut_doc_at(l->doc, node)->kind == CUT_NODE_LIST;
	json_t *out = json_array();
	unsigned word;

	for (uint32_t at = list ? cut_doc_at(l->doc, node)->child : node; at;
	     at = list ? cut_doc_at(l->doc, at)->next : 0)
		if (load_word(l, at, words, &word) == 0)
			json_array_append_new(out, json_string(load_text(l, at)));
	return out;
}

static void check_baselines(struct load *l, uint32_t node)
{
	if (!load_is(l, node, CUT_NODE_MAP, "baselines"))
		return;
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		struct cut_near near = {.word = cut_doc_key(l->doc, at)};
		bool known = false;

		json_decref(load_noted(l, T_BASELINE, at));
		if (cut_doc_at(l->doc, at)->kind == CUT_NODE_MAP &&
		    !!load_find(l, at, "value") + !!load_find(l, at, "file") +
				    !!load_find(l, at, "capture") !=
			    1)
			load_fault(l, at, NULL,
				   "a baseline needs exactly one of value, file and capture");
		for (size_t i = 0; i < l->metrics.len; i++) {
			known |= strcmp(l->metrics.items[i].id, near.word) == 0;
			cut_near_try(&near, l->metrics.items[i].id);
		}
		if (!known)
			load_fault_key(l, at, load_did_you_mean(l, &near),
				       "there is no metric '%s'", near.word);
	}
}

static void check_network(struct load *l, uint32_t node)
{
	for (uint32_t at = cut_doc_at(l->doc, node)->child; at; at = cut_doc_at(l->doc, at)->next) {
		uint32_t step = load_find(l, at, "step"), first, last;
		const char *name = step && cut_doc_at(l->doc, step)->kind == CUT_NODE_SCALAR
					   ? load_text(l, step)
					   : NULL;

		if (name)
			load_step_named(l, step, name, &first, &last);
	}
}

void load_inventory(struct load *l)
{
	const struct runbook_draft *top = &l->top;

	l->rb->inventory = json_object();
	if (top->strategy)
		note(l, "strategy", load_strategy(l, top->strategy));
	if (top->fqdns)
		note(l, "fqdns", load_noted_list(l, T_FQDN, top->fqdns));
	if (top->data)
		note(l, "data", load_noted_list(l, T_DATA, top->data));
	if (top->network)
		note(l, "network", load_noted_list(l, T_NETWORK, top->network));
	if (top->waive)
		note(l, "waive", load_noted_list(l, T_WAIVE, top->waive));
	if (top->objectives)
		l->rb->objectives = load_noted(l, T_OBJECTIVES, top->objectives);
	if (top->network)
		check_network(l, top->network);
	if (top->sign_off)
		json_decref(load_noted(l, T_SIGN_OFF, top->sign_off));
	if (top->baselines)
		check_baselines(l, top->baselines);
	if (top->links)
		l->rb->links = load_text_map(l, top->links);
}
