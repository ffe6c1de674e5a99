/* SPDX-License-Identifier: Apache-2.0 */
/* The document tree: interning, look-up by key. */
#include "engine/base/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint32_t add_child(struct cut_doc *doc, uint32_t parent, const char *key, const char *text)
{
	uint32_t node = cut_doc_node(doc, CUT_NODE_SCALAR), *link = &doc->nodes[parent].child;

	doc->nodes[node].key = cut_doc_name(doc, key, strlen(key));
	doc->nodes[node].text = cut_doc_text(doc, text, strlen(text));
	while (*link)
		link = &doc->nodes[*link].next;
	*link = node;
	return node;
}

static void test_the_root_is_the_first_node(void **state)
{
	cut_auto(cut_doc) struct cut_doc *doc = cut_doc_new("a.yaml");

	assert_string_equal(doc->file, "a.yaml");
	assert_int_equal(cut_doc_node(doc, CUT_NODE_MAP), 1);
	assert_int_equal(cut_doc_at(doc, 1)->kind, CUT_NODE_MAP);
	assert_int_equal(cut_doc_count(doc, 1), 0);
	assert_int_equal(cut_doc_get(doc, 1, "x"), 0);
	assert_string_equal(cut_doc_key(doc, 1), "");
}

static void test_short_texts_are_stored_once_and_all_keep_their_bytes(void **state)
{
	cut_auto(cut_doc) struct cut_doc *doc = cut_doc_new("a");
	char text[200];
	uint32_t ids[3000];

	memset(text, 'x', sizeof(text));
	assert_int_equal(cut_doc_text(doc, "", 0), 0);
	assert_int_equal(cut_doc_text(doc, text, 64), cut_doc_text(doc, text, 64));
	assert_int_not_equal(cut_doc_text(doc, text, 64), cut_doc_text(doc, text, 63));
	assert_int_not_equal(cut_doc_text(doc, text, 200), cut_doc_text(doc, text, 200));
	assert_int_equal(doc->text_lens[cut_doc_text(doc, "a\0b", 3)], 3);
	for (unsigned i = 0; i < CUT_ARRAY_LEN(ids); i++) {
		int len = snprintf(text, sizeof(text), "text %u", i);

		ids[i] = cut_doc_text(doc, text, (size_t)len);
	}
	for (unsigned i = 0; i < CUT_ARRAY_LEN(ids); i++) {
		int len = snprintf(text, sizeof(text), "text %u", i);

		assert_string_equal(doc->texts[ids[i]], text);
		assert_int_equal(doc->text_lens[ids[i]], len);
		assert_int_equal(cut_doc_text(doc, text, (size_t)len), ids[i]);
	}
}

static void test_names_of_any_length_are_stored_once_and_found(void **state)
{
	cut_auto(cut_doc) struct cut_doc *doc = cut_doc_new("a");
	char name[2000];
	uint32_t ids[2000];

	memset(name, 'n', sizeof(name));
	assert_int_equal(cut_doc_find(doc, ""), 0);
	assert_int_equal(cut_doc_find(doc, "nobody"), 0);
	for (size_t len = 1; len < CUT_ARRAY_LEN(ids); len++)
		ids[len] = cut_doc_name(doc, name, len);
	for (size_t len = CUT_ARRAY_LEN(ids) - 1; len > 0; len--) {
		name[len] = '\0';
		assert_int_equal(cut_doc_find(doc, name), ids[len]);
		assert_int_equal(cut_doc_name(doc, name, len), ids[len]);
		assert_int_equal(doc->text_lens[ids[len]], len);
	}
}

static void test_a_number_by_text_is_0_until_it_is_set(void **state)
{
	cut_auto(cut_doc) struct cut_doc *doc = cut_doc_new("a");
	struct cut_by_text by = {0};
	uint32_t first = cut_doc_name(doc, "first", 5), last = 0;

	assert_int_equal(cut_by_text_get(&by, first), 0);
	*cut_by_text_at(&by, doc, first) = 7;
	for (char c = '0'; c < 'z'; c++)
		last = cut_doc_name(doc, &c, 1);
	assert_int_equal(cut_by_text_get(&by, last), 0);
	assert_int_equal(*cut_by_text_at(&by, doc, last), 0);
	*cut_by_text_at(&by, doc, last) = 8;
	assert_int_equal(cut_by_text_get(&by, last), 8);
	assert_int_equal(cut_by_text_get(&by, first), 7);
	assert_int_equal(cut_by_text_get(&by, last - 1), 0);
	free(by.items);
}

static void test_children_are_found_by_key_of_any_length(void **state)
{
	cut_auto(cut_doc) struct cut_doc *doc = cut_doc_new("a");
	uint32_t map = cut_doc_node(doc, CUT_NODE_MAP), other, a, b, c, empty;
	char longer[101] = {0}, longest[102] = {0};

	memset(longer, 'k', 100);
	memset(longest, 'k', 101);
	other = cut_doc_node(doc, CUT_NODE_MAP);
	a = add_child(doc, map, "a", "one");
	b = add_child(doc, map, longer, "two");
	empty = add_child(doc, map, "", "");
	c = add_child(doc, map, "c", "a");
	add_child(doc, other, "elsewhere", "x");
	assert_int_equal(cut_doc_get(doc, map, "a"), a);
	assert_int_equal(cut_doc_get(doc, map, "c"), c);
	assert_int_equal(cut_doc_get(doc, map, longer), b);
	assert_int_equal(cut_doc_get(doc, map, longest), 0);
	assert_int_equal(cut_doc_get(doc, map, ""), empty);
	assert_int_equal(cut_doc_get(doc, map, "one"), 0); /* a text, not a key */
	assert_int_equal(cut_doc_get(doc, map, "elsewhere"), 0);
	assert_int_equal(cut_doc_get(doc, map, "unheard of"), 0);
	assert_int_equal(cut_doc_count(doc, map), 4);
	assert_string_equal(cut_doc_str(doc, b), "two");
	assert_string_equal(cut_doc_key(doc, b), longer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_root_is_the_first_node),
		cmocka_unit_test(test_short_texts_are_stored_once_and_all_keep_their_bytes),
		cmocka_unit_test(test_names_of_any_length_are_stored_once_and_found),
		cmocka_unit_test(test_a_number_by_text_is_0_until_it_is_set),
		cmocka_unit_test(test_children_are_found_by_key_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
