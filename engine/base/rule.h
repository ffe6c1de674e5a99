/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that keep a run safe, by name where they are kept, so that the simulator can take one away
 * and see that it notices. That needs its own build of these files: elsewhere there is no switch,
 * and a rule is the constant true. */
#pragma once

#include <stdbool.h>

#ifdef CUT_RULES_REMOVABLE
enum cut_rule {
	CUT_RULE_NONE,
	CUT_RULE_LOOK_FIRST,   /* what may have landed is observed, or put to a person */
	CUT_RULE_SAME_KEY,     /* a repetition of an attempt has its key */
	CUT_RULE_INTENT_FIRST, /* no effect before its intent is durable */
	CUT_RULE_SYNC_ONCE,    /* a file whose sync failed is not synced again */
	CUT_RULE_READ_DISK,    /* a resume reads past the page cache */
};
extern enum cut_rule cut_rule_removed;
#define CUT_RULE(name) (cut_rule_removed != CUT_RULE_##name)
#else
#define CUT_RULE(name) true
#endif
