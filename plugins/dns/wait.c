/* SPDX-License-Identifier: Apache-2.0 */
/* dns.wait_propagated: waits until every authoritative server, and every resolver that is named,
 * answers with the given records. Resolvers are asked twice, a second apart: one that serves stale
 * answers gives the old one first. */
#include "dns/actions.h"
#include "dns/find.h"
#include "dns/settle.h"

#include <errno.h>
#include <stdlib.h>

#define MARGIN_MS 250

static const struct cut_param params[] = {
	{"zone", CUT_T_CONNECTION, CUT_P_REQUIRED, NULL, "dns", "connection of the zone"},
	{"records", CUT_T_LIST, CUT_P_REQUIRED, NULL, "map",
	 "each {name, type, values, ttl}; ttl is compared where it is given"},
	{"resolvers", CUT_T_LIST, 0, NULL, "string", "resolvers to ask as well, as ip:port"},
	{0},
};

static const struct cut_param outputs[] = {
	{"servers", CUT_T_LIST, 0, NULL, "string", "the servers and resolvers that were asked"},
	{"seen", CUT_T_MAP, 0, NULL, "time", "since when each shows the records"},
	{0},
};

struct wait {
	struct dns_settle settle; /* call->data */
	struct cut_call *call;
	struct dns_zone zone;
	struct dns_find find;
	struct dns_server *resolvers; /* owned */
	size_t n_resolvers;
	json_t *servers, *seen; /* owned */
};

static void end(struct wait *w, enum cut_status status, json_t *data, const char *text)
{
	struct cut_call *call = w->call;

	dns_find_done(&w->find);
	dns_settle_done(&w->settle);
	dns_zone_close(&w->zone);
	free(w->resolvers);
	json_decref(w->servers);
	json_decref(w->seen);
	kit_done(call, status, data, "%s", text);
	free(w);
}

static int parse(struct wait *w, struct kit_why *why)
{
	const json_t *given = w->call->params, *item;
	struct dns_record record;
	size_t i;
	int r = dns_zone_open(w->call, json_string_value(json_object_get(given, "zone")), &w->zone,
			      why);

	w->resolvers = kit_new_array(struct dns_server,
				     json_array_size(json_object_get(given, "resolvers")));
	json_array_foreach (json_object_get(given, "resolvers"), i, item) {
		const char *text = json_string_value(item);

		if (r == 0)
			r = dns_server_parse(text ? text : "", &w->resolvers[w->n_resolvers++],
					     why);
	}
	json_array_foreach (json_object_get(given, "records"), i, item) {
		if (r == 0)
			r = dns_record_parse(item, w->zone.name, &record, why);
		if (r == 0)
			dns_settle_expect(&w->settle, record.set,
					  DNS_OWNS_VALUES | (record.ttl >= 0 ? DNS_OWNS_TTL : 0));
	}
	return r;
}

static void on_settled(struct dns_settle *settle);

static void ask(struct wait *w, const struct dns_server *servers, size_t n, bool recursive)
{
	w->settle.servers = servers;
	w->settle.n_servers = n;
	w->settle.recursive = recursive;
	w->settle.stable = recursive ? 2 : 1;
	w->settle.give_up = w->call->deadline - MARGIN_MS;
	w->settle.done = on_settled;
	dns_settle_start(&w->settle);
}

static void on_settled(struct dns_settle *settle)
{
	struct wait *w = kit_container(settle, struct wait, settle);
	char time[KIT_TIME_LEN];
	struct kit_why why;

	if (settle->result != DNS_SETTLED) {
		kit_why(&why, 0, "not everybody has the records of %s: %s", w->zone.name_text,
			settle->why);
		end(w, CUT_RETRY, NULL, why.text);
		return;
	}
	for (size_t i = 0; i < settle->n_servers; i++) {
		json_array_append_new(w->servers, json_string(settle->servers[i].text));
		json_object_set_new(w->seen, settle->servers[i].text,
				    json_string(kit_time_format(settle->first_seen[i], time)));
	}
	if (!settle->recursive && w->n_resolvers) {
		dns_settle_again(settle);
		ask(w, w->resolvers, w->n_resolvers, true);
		return;
	}
	end(w, CUT_OK, json_pack("{s:O, s:O}", "servers", w->servers, "seen", w->seen),
	    "everybody answers with the records");
}

static void on_found(void *data, int error)
{
	struct wait *w = data;

	if (error)
		end(w, CUT_RETRY, NULL, w->find.why.text);
	else
		ask(w, w->zone.servers, w->zone.n_servers, false);
}

static void on_deadline(struct cut_call *call)
{
	struct wait *w = kit_container((struct dns_settle *)call->data, struct wait, settle);

	if (w->settle.servers)
		dns_settle_give_up(&w->settle);
	else
		end(w, CUT_RETRY, NULL,
		    "the time of this call was over before the name servers were found");
}

static void apply(struct cut_call *call)
{
	struct wait *w = kit_new(struct wait);
	int64_t left = call->deadline - call->api->now(call);
	struct kit_why why;

	w->call = w->settle.call = call;
	w->servers = json_array();
	w->seen = json_object();
	call->data = &w->settle;
	if (parse(w, &why) < 0) {
		end(w, CUT_FAIL, NULL, why.text);
		return;
	}
	call->api->after(call, left > 2 * MARGIN_MS ? left - MARGIN_MS : left / 2, on_deadline);
	w->find = (struct dns_find){
		.loop = call->api->loop(call), .zone = &w->zone, .done = on_found, .data = w};
	dns_find_start(&w->find);
}

static void cancel(struct cut_call *call)
{
	end(kit_container((struct dns_settle *)call->data, struct wait, settle), CUT_CANCELED, NULL,
	    "canceled");
}

static void plan(struct cut_call *call)
{
	kit_done(call, CUT_OK, json_pack("{s:[]}", "changes"), "waits, and changes nothing");
}

const struct cut_action dns_wait_propagated = {
	.name = "wait_propagated",
	.help = "waits until every server and resolver answers with the records",
	.params = params,
	.outputs = outputs,
	.class = CUT_DECLARATIVE,
	.effects = CUT_READ,
	.plan = plan,
	.apply = apply,
	.cancel = cancel,
};
