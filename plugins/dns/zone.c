/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of this plugin; see zone.h. */
#include "dns/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct cut_param dns_connection_params[] = {
	{"zone", CUT_T_FQDN, CUT_P_REQUIRED, NULL, NULL, "name of the zone"},
	{"servers", CUT_T_LIST, 0, NULL, "string",
	 "every server that answers for the zone, as ip:port; left out: the addresses of its NS "
	 "records, on port 53"},
	{"primary", CUT_T_STRING, 0, NULL, NULL,
	 "the server that takes updates, as ip:port; left out: the first of servers"},
	{"key", CUT_T_STRING, 0, NULL, NULL, "name of the TSIG key; needed to change records"},
	{"secret", CUT_T_SECRET, 0, NULL, NULL, "its secret, in base64"},
	{"algorithm", CUT_T_CHOICE, 0, "hmac-sha256", "hmac-sha256|hmac-sha384|hmac-sha512",
	 "its algorithm"},
	{"max_lag", CUT_T_DURATION, 0, "60s", "1s..1h",
	 "how long the other servers may take to show a change"},
	{0},
};

int dns_server_parse(const char *text, struct dns_server *ret, struct kit_why *why)
{
	struct dns_server server = {0};
	char host[DNS_SERVER_TEXT];
	const char *port = "53", *colon;
	size_t len = strlen(text);
	unsigned long number;
	char *end;
	bool v6;

	if (*text == '[' && (colon = strchr(text, ']'))) {
		len = (size_t)(colon - ++text);
		if (colon[1])
			port = colon[1] == ':' ? colon + 2 : "";
	} else if ((colon = strchr(text, ':')) && !strchr(colon + 1, ':')) {
		len = (size_t)(colon - text);
		port = colon + 1;
	}
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	v6 = strchr(host, ':') != NULL;
	number = strtoul(port, &end, 10);
	if (len >= sizeof(host) || *port < '0' || *port > '9' || *end || number < 1 ||
	    number > 65535 ||
	    (v6 ? uv_ip6_addr(host, (int)number, &server.address.v6)
		: uv_ip4_addr(host, (int)number, &server.address.v4)) != 0)
		return kit_why(why, -EINVAL,
			       "%s is not the address of a server: write 192.0.2.1:53 or "
			       "[2001:db8::1]:53",
			       text);
	snprintf(server.text, sizeof(server.text), v6 ? "[%.48s]:%lu" : "%.48s:%lu", host, number);
	*ret = server;
	return 0;
}

void dns_zone_add(struct dns_zone *zone, const struct dns_server *server)
{
	for (size_t i = 0; i < zone->n_servers; i++)
		if (strcmp(zone->servers[i].text, server->text) == 0)
			return;
	zone->servers = kit_realloc(zone->servers, zone->n_servers + 1, sizeof(*server));
	zone->servers[zone->n_servers++] = *server;
}

static int open_servers(const json_t *connection, struct dns_zone *zone, struct kit_why *why)
{
	const char *primary = json_string_value(json_object_get(connection, "primary"));
	const json_t *servers = json_object_get(connection, "servers");
	size_t i;
	int r;

	if (!primary)
		primary = json_string_value(json_array_get(servers, 0));
	if (!primary)
		return kit_why(why, -EINVAL,
			       "the connection names neither servers nor a primary: "
			       "give servers: [\"ip:port\"]");
	r = dns_server_parse(primary, &zone->primary, why);
	if (r < 0)
		return r;
	dns_zone_add(zone, &zone->primary);
	zone->listed = json_array_size(servers) > 0;
	for (i = 0; i < json_array_size(servers); i++) {
		const char *text = json_string_value(json_array_get(servers, i));
		struct dns_server server;

		r = dns_server_parse(text ? text : "", &server, why);
		if (r < 0)
			return r;
		dns_zone_add(zone, &server);
	}
	return 0;
}

static int open_key(struct cut_call *call, const json_t *connection, struct dns_zone *zone,
		    struct kit_why *why)
{
	const char *key = json_string_value(json_object_get(connection, "key"));
	const char *name = json_string_value(json_object_get(connection, "secret"));
	const char *algorithm = json_string_value(json_object_get(connection, "algorithm"));
	const char *secret = name ? call->api->secret(call, name) : NULL;

	if (!key)
		return 0;
	if (!secret)
		return kit_why(why, -EINVAL,
			       "the secret of TSIG key %s is not there: name it as "
			       "`secret` in the connection",
			       key);
	snprintf(zone->key_name, sizeof(zone->key_name), "%s", key);
	return tsig_key_init(&zone->key, key, algorithm ? algorithm : "hmac-sha256", secret, why);
}

int dns_zone_open(struct cut_call *call, const char *connection_name, struct dns_zone *ret,
		  struct kit_why *why)
{
	const json_t *connection = call->api->connection(call, connection_name);
	const char *name = json_string_value(json_object_get(connection, "zone"));
	const json_t *max_lag = json_object_get(connection, "max_lag");
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!connection || !name)
		return kit_why(why, -EINVAL, "%s is not a connection of this plugin with a zone",
			       connection_name);
	if (ldns_str2rdf_dname(&ret->name, name) != LDNS_STATUS_OK)
		return kit_why(why, -EINVAL, "the connection's zone %s is not a domain name", name);
	ldns_dname2canonical(ret->name);
	dns_name_text(ret->name, ret->name_text);
	ret->max_lag_s = json_is_number(max_lag) ? json_number_value(max_lag) : 60;
	r = open_servers(connection, ret, why);
	return r < 0 ? r : open_key(call, connection, ret, why);
}

void dns_zone_close(struct dns_zone *zone)
{
	ldns_rdf_deep_free(zone->name);
	free(zone->servers);
	tsig_key_done(&zone->key);
	memset(zone, 0, sizeof(*zone));
}
