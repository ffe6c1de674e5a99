/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of the servers that a run will speak to, looked up once when its host starts. A
 * fresh lookup always comes first, because moving names is what cutovers do; what is kept serves
 * when no resolver answers, so that a rollback needs none. Used by link.c and service_http.c. */
#include "engine/host/host.h"

#include <netdb.h>
#include <string.h>

enum { LOOKUPS_MS = 3000 }; /* then the host is ready without what is missing */

struct lookup {
	uv_getaddrinfo_t req;
	struct host *host;
	char *key; /* owned: "name:port" */
};

static void end_wait(struct host *host)
{
	host_names_fn *ready = host->names_ready;

	if (!ready)
		return;
	host_names_stop(host);
	ready(host);
}

static void on_late(uv_timer_t *timer)
{
	end_wait(cut_container(timer, struct host, names_timer));
}

static void on_found(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct lookup *lookup = cut_container(req, struct lookup, req);
	struct host *host = lookup->host;
	char address[NI_MAXHOST];

	if (status == 0 && getnameinfo(list->ai_addr, list->ai_addrlen, address, sizeof(address),
				       NULL, 0, NI_NUMERICHOST) == 0)
		json_object_set_new(host->addresses, lookup->key, json_string(address));
	uv_freeaddrinfo(list);
	free(lookup->key);
	free(lookup);
	if (--host->lookups == 0)
		end_wait(host);
}

static void start_lookup(struct host *host, const char *key)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(key, ':');
	cut_auto(cut_str) char *name = colon ? cut_strndup(key, (size_t)(colon - key)) : NULL;
	struct lookup *lookup;

	if (!name)
		return;
	lookup = cut_new(struct lookup);
	lookup->host = host;
	lookup->key = cut_strdup(key);
	if (uv_getaddrinfo(&host->loop, &lookup->req, on_found, name, colon + 1, &hints) < 0) {
		free(lookup->key);
		free(lookup);
		return;
	}
	host->lookups++;
}

bool host_names_start(struct host *host, const json_t *keys, host_names_fn *ready)
{
	const json_t *key;
	size_t i;

	host->addresses = json_object();
	json_array_foreach (keys, i, key)
		start_lookup(host, json_is_string(key) ? json_string_value(key) : "");
	if (!host->lookups) {
		ready(host);
		return false;
	}
	host->names_ready = ready;
	uv_timer_init(&host->loop, &host->names_timer);
	uv_timer_start(&host->names_timer, on_late, LOOKUPS_MS, 0);
	return true;
}

void host_names_stop(struct host *host)
{
	if (host->names_ready)
		uv_close((uv_handle_t *)&host->names_timer, NULL);
	host->names_ready = NULL;
}

const char *host_kept_address(const struct host *host, const char *name, const char *port)
{
	cut_auto(cut_str) char *key = cut_printf("%s:%s", name, port);

	return cut_json_str(host->addresses, key, NULL);
}
