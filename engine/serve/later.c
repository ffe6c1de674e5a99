/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/serve/later.h"

#include <stdlib.h>

struct cut_later {
	cut_time wall;
	cut_later_fn *due;
	void *data;
	struct cut_alarm *alarm;
	struct cut_wallwatch *watch;
};

static void set(struct cut_later *later)
{
	cut_alarm_set(later->alarm, cut_clock_boot() + later->wall - cut_clock_wall());
}

static void on_alarm(void *data)
{
	struct cut_later *later = data;

	if (cut_clock_wall() < later->wall) /* slowed down, or set back by less than is told */
		set(later);
	else
		later->due(later->data);
}

static void on_jump(void *data, cut_time jump)
{
	set(data);
}

int cut_later_new(struct uv_loop_s *loop, cut_time wall, cut_later_fn *due, void *data,
		  struct cut_later **ret, struct cut_err *err)
{
	struct cut_later *later = cut_new(struct cut_later);
	int r;

	later->wall = wall;
	later->due = due;
	later->data = data;
	r = cut_alarm_new(loop, on_alarm, later, &later->alarm, err);
	if (r == 0)
		r = cut_wallwatch_new(loop, on_jump, later, &later->watch, err);
	if (r < 0) {
		cut_later_free(later);
		return r;
	}
	set(later);
	*ret = later;
	return 0;
}

void cut_later_free(struct cut_later *later)
{
	if (!later)
		return;
	cut_alarm_free(later->alarm);
	cut_wallwatch_free(later->watch);
	free(later);
}
