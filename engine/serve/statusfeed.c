/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/statusfeed.h"

#include "engine/core/status.h"

#include <string.h>

struct cut_status_feed {
	struct cut_driver *driver; /* borrowed */
	struct cut_buf text;	   /* made, not read yet */
	struct cut_jw steps;	   /* writes there, within `steps` */
	uint32_t next;		   /* step */
	bool closed;
};

struct cut_status_feed *cut_status_feed_new(struct cut_driver *driver)
{
	struct cut_status_feed *f = cut_new(struct cut_status_feed);
	cut_auto(cut_json) json_t *head = cut_driver_status(driver);

	f->driver = driver;
	f->steps.out = &f->text;
	cut_json_print(head, 0, &f->text);
	f->text.len--; /* its brace stays open */
	cut_buf_add_str(&f->text, ",\"steps\":");
	cut_jw_open(&f->steps, NULL, '{');
	return f;
}

void cut_status_feed_free(void *feed)
{
	struct cut_status_feed *f = feed;

	cut_buf_done(&f->text);
	free(f);
}

static void fill(struct cut_status_feed *f, size_t want)
{
	const struct cut_runbook *rb = cut_driver_options(f->driver)->rb;
	const struct cut_run *run = cut_driver_run(f->driver);

	while (f->text.len < want && f->next < rb->steps_len)
		cut_status_step(rb, run, f->next++, &f->steps);
	if (f->next < rb->steps_len || f->closed)
		return;
	f->closed = true;
	cut_jw_close(&f->steps);
	cut_buf_add_str(&f->text, "}\n");
}

size_t cut_status_feed_read(struct cut_status_feed *f, char *buf, size_t max)
{
	size_t n;

	fill(f, max);
	n = f->text.len < max ? f->text.len : max;
	memcpy(buf, cut_buf_str(&f->text), n);
	cut_buf_consume(&f->text, n);
	return n;
}
