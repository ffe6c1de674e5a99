/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets and connections of the calls, and the care that no secret leaves the process in a frame.
 * Values come in the hello frame and live in memory that is in no core dump (main.c). */
#include "engine/host/host.h"

#include "engine/base/log.h"

#include <string.h>

void host_secrets_set(struct host *host, json_t *secrets)
{
	const char *name;
	json_t *value;

	host->secrets = secrets;
	json_object_foreach (secrets, name, value)
		cut_log_secret(json_string_value(value), json_string_length(value));
}

const char *service_secret(struct cut_call *pub, const char *name)
{
	return cut_json_str(host_call_of(pub)->host->secrets, name, NULL);
}

const json_t *service_connection(struct cut_call *pub, const char *name)
{
	return json_object_get(host_call_of(pub)->host->connections, name);
}

bool host_has_secret(const struct host *host, const char *text)
{
	cut_auto(cut_str) char *copy = NULL;

	if (!json_object_size(host->secrets))
		return false;
	copy = cut_strdup(text);
	cut_log_redact(copy);
	return strcmp(copy, text) != 0;
}

static json_t *redact_text(json_t *value)
{
	cut_auto(cut_str) char *copy = cut_strdup(json_string_value(value));
	json_t *clean;

	cut_log_redact(copy);
	if (!strcmp(copy, json_string_value(value)))
		return value;
	clean = json_string(copy);
	json_decref(value);
	return clean;
}

static json_t *redact(json_t *value);

/* Keys as well: a command may print what it likes. */
static json_t *redact_object(json_t *object)
{
	json_t *clean = json_object(), *item;
	const char *key;

	json_object_foreach (object, key, item) {
		cut_auto(cut_str) char *copy = cut_strdup(key);

		cut_log_redact(copy);
		json_object_set_new(clean, copy, redact(json_incref(item)));
	}
	json_decref(object);
	return clean;
}

static json_t *redact(json_t *value)
{
	json_t *item;
	size_t i;

	if (json_is_string(value))
		return redact_text(value);
	if (json_is_object(value))
		return redact_object(value);
	json_array_foreach (value, i, item)
		json_array_set_new(value, i, redact(json_incref(item)));
	return value;
}

json_t *host_redact(const struct host *host, json_t *value)
{
	json_t *copy;

	if (!value || !json_object_size(host->secrets))
		return value;
	copy = json_deep_copy(value); /* parts of it may be parameters or connections */
	json_decref(value);
	return redact(copy);
}
