/* SPDX-License-Identifier: Apache-2.0 */
/* From wanted shares to integer weights; see shares.h. */
#include "traffic/shares.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NOTHING	   1e-9
#define MAX_TOTAL  4096
#define GOOD_TOTAL 100 /* weights that read as percent */

static double deviation(const double *wanted, const unsigned *weights, size_t n, double sum)
{
	double worst = 0;

	for (size_t i = 0; i < n; i++) {
		double off = fabs(weights[i] / sum - wanted[i]);

		if (off > worst)
			worst = off;
	}
	return worst;
}

/* Rounds to weights of about this total; false: one would be too large. */
static bool round_to(const double *wanted, size_t n, unsigned total, unsigned *ret, double *ret_sum)
{
	*ret_sum = 0;
	for (size_t i = 0; i < n; i++) {
		ret[i] = (unsigned)lround(wanted[i] * total);
		if (ret[i] == 0 && wanted[i] > NOTHING)
			ret[i] = 1;
		if (ret[i] > SHARES_WEIGHT_MAX)
			return false;
		*ret_sum += ret[i];
	}
	return *ret_sum > 0;
}

double shares_weights(const double *wanted, size_t n, unsigned *ret)
{
	unsigned best_total = 0;
	double best = INFINITY, sum;

	for (unsigned i = 0; i <= MAX_TOTAL; i++) {
		unsigned total = i ? i : GOOD_TOTAL;
		double off;

		if (!round_to(wanted, n, total, ret, &sum))
			continue;
		off = deviation(wanted, ret, n, sum);
		if (off < best - NOTHING) {
			best = off;
			best_total = total;
		}
	}
	if (best_total)
		round_to(wanted, n, best_total, ret, &sum);
	return best;
}

static int no_server(const char *name, const struct state *state, struct kit_why *why)
{
	int len = snprintf(why->text, sizeof(why->text), "there is no server %s; it has", name);

	for (size_t i = 0; i < state->n && (size_t)len < sizeof(why->text); i++)
		len += snprintf(why->text + len, sizeof(why->text) - (size_t)len, "%s %s",
				i ? "," : "", state->list[i].name);
	return -ENOENT;
}

static int named(const json_t *to, const struct state *state, double *ret, double *ret_rest,
		 struct kit_why *why)
{
	const char *name;
	const json_t *share;

	*ret_rest = 1;
	json_object_foreach ((json_t *)to, name, share) {
		const struct state_server *server = state_find(state, name);

		if (!server)
			return no_server(name, state, why);
		if (server->backup)
			return kit_why(why, -EINVAL,
				       "%s is a backup server: it takes requests only while all "
				       "others are down, whatever its weight",
				       name);
		ret[server - state->list] = json_number_value(share);
		*ret_rest -= json_number_value(share);
	}
	return 0;
}

int shares_wanted(const json_t *to, const struct state *state, double *ret, struct kit_why *why)
{
	size_t others = 0;
	double rest, configured = 0;
	int r;

	memset(ret, 0, state->n * sizeof(*ret));
	r = named(to, state, ret, &rest, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < state->n; i++)
		if (!state->list[i].backup && !json_object_get(to, state->list[i].name)) {
			others++;
			configured += state->list[i].configured;
		}
	if (rest < NOTHING)
		return 0;
	if (others == 0)
		return kit_why(why, -EINVAL,
			       "the shares of all servers add up to %g %%, not to 100 %%",
			       (1 - rest) * 100);
	if (others > 1 && configured == 0)
		return kit_why(why, -EINVAL,
			       "%g %% are left for %zu servers whose configured weights are all 0: "
			       "configure e.g. `weight 100` and set 0 at run time, then retry",
			       rest * 100, others);
	for (size_t i = 0; i < state->n; i++)
		if (!state->list[i].backup && !json_object_get(to, state->list[i].name))
			ret[i] = others == 1 ? rest : rest * state->list[i].configured / configured;
	return 0;
}
