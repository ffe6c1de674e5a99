/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's text taken apart, completed and put together again; see dsn.h. */
#include "sync/dsn.h"

#include <errno.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 8 };

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

struct dsn {
	char **keywords, **values; /* owned; NULL-terminated */
	size_t len;
};

static const char *get(const struct dsn *dsn, const char *keyword)
{
	for (size_t i = 0; i < dsn->len; i++)
		if (!strcmp(dsn->keywords[i], keyword))
			return dsn->values[i];
	return NULL;
}

static void set(struct dsn *dsn, const char *keyword, const char *value)
{
	char *copy = kit_strdup(value);

	for (size_t i = 0; i < dsn->len; i++) {
		if (strcmp(dsn->keywords[i], keyword))
			continue;
		free(dsn->values[i]);
		dsn->values[i] = copy;
		return;
	}
	dsn->keywords = kit_realloc(dsn->keywords, dsn->len + 2, sizeof(char *));
	dsn->values = kit_realloc(dsn->values, dsn->len + 2, sizeof(char *));
	dsn->keywords[dsn->len] = kit_strdup(keyword);
	dsn->values[dsn->len++] = copy;
	dsn->keywords[dsn->len] = dsn->values[dsn->len] = NULL;
}

static void set_unless_given(struct dsn *dsn, const char *keyword, const char *value)
{
	if (!get(dsn, keyword))
		set(dsn, keyword, value);
}

static bool is_on_this_machine(const char *host)
{
	return *host == '/' || *host == '@' || !strncmp(host, "127.", 4) || !strcmp(host, "::1") ||
	       !strcmp(host, "localhost");
}

/* Word i of a list with commas in between, as libpq takes hosts; NULL: there are fewer. Owned by
 * the caller. */
static char *word(const char *list, size_t i)
{
	while (i-- > 0) {
		list = strchr(list, ',');
		if (!list)
			return NULL;
		list++;
	}
	return strndup(list, strcspn(list, ","));
}

static bool all_on_this_machine(const char *hosts)
{
	bool all = true;
	char *host;

	for (size_t i = 0; all && (host = word(hosts, i)); i++) {
		all = is_on_this_machine(host);
		free(host);
	}
	return all;
}

/* All others between these two look safe and take any server, or any server of the CA. */
static bool is_safe_or_plain(const char *sslmode)
{
	return !sslmode || !strcmp(sslmode, "verify-full") || !strcmp(sslmode, "disable");
}

static int parse(struct dsn *dsn, const char *text, const char *connection, struct kit_why *why)
{
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &error);

	if (!options) {
		int r = kit_why(why, -EINVAL, "the dsn of connection %s cannot be read: %.*s",
				connection, (int)strcspn(error ? error : "", "\n"),
				error ? error : "");

		PQfreemem(error);
		return r;
	}
	for (const PQconninfoOption *o = options; o->keyword; o++)
		if (o->val && *o->val)
			set(dsn, o->keyword, o->val);
	PQconninfoFree(options);
	if (get(dsn, "password"))
		return kit_why(why, -EINVAL,
			       "the dsn of connection %s holds a password; name a secret instead",
			       connection);
	if (!is_safe_or_plain(get(dsn, "sslmode")))
		return kit_why(why, -EINVAL,
			       "the dsn of connection %s wants sslmode=%s, which does not verify "
			       "that the server is the one it names: leave sslmode out, or write "
			       "sslmode=disable where no TLS is needed",
			       connection, get(dsn, "sslmode"));
	if (!get(dsn, "host") && !get(dsn, "hostaddr"))
		return kit_why(why, -EINVAL, "the dsn of connection %s names no host", connection);
	return 0;
}

/* What libpq would do otherwise: go unencrypted where the server likes, ask Kerberos over the
 * network while the loop waits. */
static void complete(struct dsn *dsn, const char *ca_file)
{
	const char *host = get(dsn, "host") ? get(dsn, "host") : get(dsn, "hostaddr");

	set_unless_given(dsn, "gssencmode", "disable");
	set_unless_given(dsn, "application_name", "cutover");
	set(dsn, "client_encoding", "UTF8");
	if (!get(dsn, "sslmode") && !all_on_this_machine(host))
		set(dsn, "sslmode", "verify-full");
	if (ca_file)
		set(dsn, "sslrootcert", ca_file);
	else if (get(dsn, "sslmode") && !strncmp(get(dsn, "sslmode"), "verify", 6))
		set_unless_given(dsn, "sslrootcert", SYSTEM_CA);
}

int dsn_new(struct cut_call *call, const char *connection, struct dsn **ret, struct kit_why *why)
{
	const json_t *params = call->api->connection(call, connection);
	const char *text = json_string_value(json_object_get(params, "dsn"));
	const char *secret = json_string_value(json_object_get(params, "secret"));
	const char *password = secret ? call->api->secret(call, secret) : NULL;
	struct dsn *dsn;
	int r;

	if (!text)
		return kit_why(why, -EINVAL, "there is no connection %s with a dsn", connection);
	if (secret && !password)
		return kit_why(why, -EINVAL, "secret %s of connection %s has no value", secret,
			       connection);
	dsn = kit_new(struct dsn);
	r = parse(dsn, text, connection, why);
	if (r < 0) {
		dsn_free(dsn);
		return r;
	}
	complete(dsn, json_string_value(json_object_get(params, "ca_file")));
	if (password)
		set(dsn, "password", password);
	*ret = dsn;
	return 0;
}

void dsn_free(struct dsn *dsn)
{
	if (!dsn)
		return;
	for (size_t i = 0; i < dsn->len; i++) {
		explicit_bzero(dsn->values[i], strlen(dsn->values[i]));
		free(dsn->keywords[i]);
		free(dsn->values[i]);
	}
	free(dsn->keywords);
	free(dsn->values);
	free(dsn);
}

/* Each host once for each of its addresses, because libpq tries the entries one after the other. */
struct found {
	FILE *hosts, *addresses, *ports;
	size_t len;
};

static void found_add(struct found *found, const char *host, const char *address, const char *port)
{
	const char *comma = found->len++ ? "," : "";

	fprintf(found->hosts, "%s%s", comma, host);
	fprintf(found->addresses, "%s%s", comma, address);
	fprintf(found->ports, "%s%s", comma, port);
}

static int find_one(struct found *found, const char *host, const char *port, struct kit_why *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	char text[NI_MAXHOST];
	size_t n = 0;
	int r;

	if (*host == '/' || *host == '@') {
		found_add(found, host, "", port);
		return 0;
	}
	r = getaddrinfo(host, NULL, &hints, &list);
	if (r)
		return kit_why(why, -EHOSTUNREACH, "cannot resolve %s: %s", host, gai_strerror(r));
	for (const struct addrinfo *a = list; a && n < ADDRESSES_MAX; a = a->ai_next, n++)
		if (!getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0,
				 NI_NUMERICHOST))
			found_add(found, host, text, port);
	freeaddrinfo(list);
	return 0;
}

static int find_all(struct found *found, const char *hosts, const char *ports, struct kit_why *why)
{
	bool one_port = !strchr(ports, ',');
	char *host;
	int r = 0;

	for (size_t i = 0; r == 0 && (host = word(hosts, i)); i++) {
		char *port = word(ports, one_port ? 0 : i);

		r = port ? find_one(found, host, port, why)
			 : kit_why(why, -EINVAL, "the dsn has more hosts than ports");
		free(port);
		free(host);
	}
	return r;
}

int dsn_resolve(struct dsn *dsn, struct kit_why *why)
{
	char *hosts = NULL, *addresses = NULL, *ports = NULL;
	size_t hosts_len, addresses_len, ports_len;
	struct found found;
	int r;

	if (get(dsn, "hostaddr"))
		return 0;
	found = (struct found){
		.hosts = open_memstream(&hosts, &hosts_len),
		.addresses = open_memstream(&addresses, &addresses_len),
		.ports = open_memstream(&ports, &ports_len),
	};
	if (!found.hosts || !found.addresses || !found.ports)
		abort();
	r = find_all(&found, get(dsn, "host"), get(dsn, "port") ? get(dsn, "port") : "5432", why);
	fclose(found.hosts);
	fclose(found.addresses);
	fclose(found.ports);
	if (r == 0) {
		set(dsn, "host", hosts);
		set(dsn, "hostaddr", addresses);
		set(dsn, "port", ports);
	}
	free(hosts);
	free(addresses);
	free(ports);
	return r;
}

const char *const *dsn_keywords(const struct dsn *dsn)
{
	return (const char *const *)dsn->keywords;
}

const char *const *dsn_values(const struct dsn *dsn)
{
	return (const char *const *)dsn->values;
}
