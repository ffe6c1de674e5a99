/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive lists of what a call owns: timers, requests, children. Used inside host/ only. */
#pragma once

#include <stddef.h>

struct list_node {
	struct list_node *next, **pprev; /* pprev NULL: in no list */
};

static inline void list_add(struct list_node **head, struct list_node *node)
{
	node->next = *head;
	node->pprev = head;
	if (*head)
		(*head)->pprev = &node->next;
	*head = node;
}

static inline void list_remove(struct list_node *node)
{
	if (!node->pprev)
		return;
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	node->pprev = NULL;
	node->next = NULL;
}
