/* SPDX-License-Identifier: Apache-2.0 */
/* The operation `plan` of every action here: they read, so there is nothing to change; but both
 * databases have to let us in, and a heartbeat has to have its table. */
#include "sync/sync.h"

#include <stdlib.h>
#include <string.h>

struct look {
	struct pair pair; /* first: see sync.h */
	unsigned awaited;
	char trouble[160]; /* that a heartbeat would have */
};

static const char blue_sql[] =
	"select case when to_regclass('cutover_heartbeat') is null"
	" then 'blue has no table cutover_heartbeat'"
	" when pg_is_in_recovery() then 'blue is a standby, which only reads'"
	" when not (has_table_privilege('cutover_heartbeat', 'select')"
	"  and has_table_privilege('cutover_heartbeat', 'insert')"
	"  and has_table_privilege('cutover_heartbeat', 'update'))"
	" then 'on blue, grant select, insert, update on cutover_heartbeat to this role' end";
static const char green_sql[] =
	"select case when to_regclass('cutover_heartbeat') is null"
	" then 'green has no table cutover_heartbeat'"
	" when not has_table_privilege('cutover_heartbeat', 'select')"
	" then 'on green, grant select on cutover_heartbeat to this role' end";

static void end(struct look *look, enum cut_status status, const char *text)
{
	struct cut_call *call = look->pair.call;
	struct kit_why why;

	kit_why(&why, 0, "%s", text);
	pair_close(&look->pair);
	free(look);
	call->api->done(call, status, why.text,
			status == CUT_OK ? json_pack("{s:[]}", "changes") : NULL);
}

static void on_looked(void *owner, const struct pg_reply *reply)
{
	struct look *look = owner;
	struct kit_why why;

	if (reply->status != CUT_OK) {
		end(look, reply->status, reply->text);
		return;
	}
	if (pg_text(reply, 0, 0))
		snprintf(look->trouble, sizeof(look->trouble), "%s", pg_text(reply, 0, 0));
	if (--look->awaited)
		return;
	kit_why(&why, 0, "changes nothing; no heartbeat yet: %s", look->trouble);
	end(look, CUT_OK,
	    *look->trouble ? why.text : "changes nothing but the row of cutover_heartbeat on blue");
}

static void on_opened(struct pair *pair, const struct pg_reply *failed)
{
	struct look *look = kit_container(pair, struct look, pair);

	if (failed) {
		end(look, failed->status, failed->text);
		return;
	}
	look->awaited = 2;
	pg_ask(pair->blue, blue_sql, 0, NULL, on_looked, look);
	pg_ask(pair->green, green_sql, 0, NULL, on_looked, look);
}

static void on_cancel(struct pair *pair)
{
	end(kit_container(pair, struct look, pair), CUT_CANCELED, "canceled");
}

void sync_plan(struct cut_call *call)
{
	struct look *look = kit_new(struct look);

	call->data = look;
	look->pair.cancel = on_cancel;
	pair_open(&look->pair, call, on_opened);
}
