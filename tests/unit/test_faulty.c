/* SPDX-License-Identifier: Apache-2.0 */
/* Every faulty runbook of tests/golden/faulty is diagnosed exactly as its .expected file says, and
 * every runbook of tests/golden/good loads and survives its canonical form. A line `# --set a=b` at
 * the top of a file gives a parameter. CUT_TEST_UPDATE=1 writes the .expected files anew. */
#include "tests/unit/load_kit.h"

#include <dirent.h>

static json_t *set_of(const char *text)
{
	json_t *set = json_object();

	for (const char *at = strstr(text, "# --set "); at; at = strstr(at + 1, "# --set ")) {
		size_t len = strcspn(at + 8, "=\n");
		cut_auto(cut_str) char *name = cut_strndup(at + 8, len);
		cut_auto(cut_str) char *value =
			cut_strndup(at + 9 + len, strcspn(at + 9 + len, "\n"));

		json_object_set_new(set, name, json_string(value));
	}
	return set;
}

static char *read_all(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	struct cut_buf text = {0};

	while (file && !feof(file)) {
		char *to = cut_buf_reserve(&text, 4096);

		text.len += fread(to, 1, 4096, file);
	}
	if (file)
		fclose(file);
	*ret_len = text.len;
	cut_buf_add_char(&text, 0);
	return cut_buf_take(&text);
}

static char *diagnose(const char *path, const char *name)
{
	struct cut_load_options options = {.catalog = &catalog};
	cut_auto(cut_json) json_t *set = NULL;
	cut_auto(cut_runbook) struct cut_runbook *rb = NULL;
	struct cut_faults faults = {0};
	struct cut_buf told = {0};
	size_t len;
	cut_auto(cut_str) char *text = read_all(path, &len);

	options.set = set = set_of(text);
	cut_runbook_load_text(text, len, name, "/srv", &options, &faults, &rb, NULL);
	cut_faults_print(&faults, false, &told);
	cut_faults_done(&faults);
	return cut_buf_take(&told);
}

static int is_runbook(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_every_faulty_file_is_told_as_expected(void **state)
{
	cut_auto(cut_str) char *folder = test_path("golden/faulty");
	struct dirent **entries;
	int count = scandir(folder, &entries, is_runbook, alphasort), wrong = 0;

	assert_true(count >= 60);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		cut_auto(cut_str) char *path = cut_printf("%s/%s", folder, name);
		cut_auto(cut_str) char *golden =
			cut_printf("%.*s.expected", (int)(strrchr(path, '.') - path), path);
		cut_auto(cut_str) char *told = diagnose(path, name);
		size_t len;

		if (getenv("CUT_TEST_UPDATE"))
			write_file(golden, told);
		cut_auto(cut_str) char *expected = read_all(golden, &len);

		if (strcmp(told, expected) != 0 || len == 0) {
			print_error("%s\n--- expected\n%s--- told\n%s", name, expected, told);
			wrong++;
		}
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(wrong, 0);
}

/* The canonical form loads to the same identity, given the parameters as they were resolved. */
static void check_canonical(struct cut_runbook *rb, const char *name)
{
	struct cut_load_options options = {.catalog = &catalog, .resolved = rb->parameters};
	struct cut_runbook *again = NULL;
	struct cut_faults faults = {0};
	struct cut_buf canonical = {0}, second = {0}, told = {0};

	assert_int_equal(cut_runbook_identity(rb, &canonical), 0);
	cut_runbook_load_text(canonical.data, canonical.len, name, "/srv", &options, &faults,
			      &again, NULL);
	cut_faults_print(&faults, false, &told);
	if (!again)
		fail_msg("%s, canonical: %s", name, cut_buf_str(&told));
	assert_int_equal(cut_runbook_identity(again, &second), 0);
	assert_string_equal(cut_buf_str(&canonical), cut_buf_str(&second));
	assert_string_equal(rb->sha256, again->sha256);
	assert_int_equal(rb->steps_len, again->steps_len);
	for (uint32_t i = 0; i < rb->steps_len; i++) {
		const struct cut_step *a = &rb->steps[i], *b = &again->steps[i];

		assert_string_equal(a->address, b->address);
		assert_int_equal(a->undo, b->undo);
		assert_int_equal(a->needs_len, b->needs_len);
		assert_int_equal(a->body.timeout, b->body.timeout);
		assert_int_equal(a->body.dynamic_len, b->body.dynamic_len);
		assert_true(json_equal(a->body.params, b->body.params) || !a->body.params);
	}
	cut_runbook_free(again);
	cut_buf_done(&canonical);
	cut_buf_done(&second);
	cut_buf_done(&told);
	cut_faults_done(&faults);
}

static void test_every_good_file_loads_and_survives_its_canonical_form(void **state)
{
	cut_auto(cut_str) char *folder = test_path("golden/good");
	struct dirent **entries;
	int count = scandir(folder, &entries, is_runbook, alphasort);

	assert_true(count >= 5);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		cut_auto(cut_str) char *path = cut_printf("%s/%s", folder, name);
		cut_auto(cut_json) json_t *set = NULL;
		size_t len;
		cut_auto(cut_str) char *text = read_all(path, &len);
		struct loaded l = load_with(text, set = set_of(text));

		if (!l.rb || l.faults.len)
			fail_msg("%s:\n%s", name, l.told);
		check_canonical(l.rb, name);
		loaded_done(&l);
		free(entries[i]);
	}
	free(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_faulty_file_is_told_as_expected),
		cmocka_unit_test(test_every_good_file_loads_and_survives_its_canonical_form),
	};

	return cmocka_run_group_tests(tests, load_catalog, free_catalog);
}
