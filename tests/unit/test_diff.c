/* test_diff.c — two dumps compared, and what is no dump. */
#include "diff.h"
#include "hr_err.h"
#include "test.h"

#include <string.h>

static json_t *dump_of(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	return json;
}

static void test_lines_are_compared_by_path_and_number(void **state)
{
	(void)state;
	json_t *before = dump_of("{\"files\": [{\"path\": \"/b\", \"lines\": {\"9\": 5, \"10\": 1, \"2\": 7}},"
	                         "{\"path\": \"/gone\", \"lines\": {\"1\": 2}}]}");
	json_t *after = dump_of("{\"files\": [{\"path\": \"/new\", \"lines\": {\"3\": 9223372036854775807}},"
	                        "{\"path\": \"/b\", \"lines\": {\"10\": 4, \"2\": 7, \"9\": 3, \"4294967295\": 0}}]}");
	const struct hrv_diff_line expected[] = {
	        {"/b", 9, 5, 3}, {"/b", 10, 1, 4}, {"/gone", 1, 2, 0}, {"/new", 3, 0, INT64_MAX}};
	char why[HRV_DIFF_WHY_BYTES];
	struct hrv_diff diff;

	assert_int_equal(hrv_diff_judge(before, why), 0);
	assert_int_equal(hrv_diff_judge(after, why), 0);
	assert_int_equal(hrv_diff_make(before, after, &diff), 0);
	assert_int_equal(diff.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(diff.lines[i].path, expected[i].path);
		assert_int_equal(diff.lines[i].line, expected[i].line);
		assert_int_equal(diff.lines[i].before, expected[i].before);
		assert_int_equal(diff.lines[i].after, expected[i].after);
	}
	assert_int_equal(diff.more, 2);
	assert_int_equal(diff.fewer, 2);
	assert_int_equal(diff.same, 1); /* a line that was hit in neither is not told of */
	hrv_diff_fini(&diff);
	json_decref(before);
	json_decref(after);
}

static void test_empty_dumps_are_equal(void **state)
{
	(void)state;
	json_t *empty = dump_of("{\"files\": []}");
	struct hrv_diff diff;

	assert_int_equal(hrv_diff_make(empty, empty, &diff), 0);
	assert_int_equal(diff.count + diff.more + diff.fewer + diff.same, 0);
	hrv_diff_fini(&diff);
	json_decref(empty);
}

static void test_what_is_no_dump_is_told(void **state)
{
	(void)state;
	static const char *const wrong[] = {
	        "[]",
	        "{}",
	        "{\"files\": {}}",
	        "{\"files\": [1]}",
	        "{\"files\": [{\"path\": \"/a\"}]}",
	        "{\"files\": [{\"lines\": {}}]}",
	        "{\"files\": [{\"path\": 1, \"lines\": {}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"x\": 1}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"\": 1}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"-1\": 1}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"4294967296\": 1}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"1\": -1}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"1\": 1.5}}]}",
	        "{\"files\": [{\"path\": \"/a\", \"lines\": {\"1\": null}}]}",
	};
	char why[HRV_DIFF_WHY_BYTES];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		json_t *json = dump_of(wrong[i]);
		why[0] = '\0';
		assert_int_equal(hrv_diff_judge(json, why), HR_EARG);
		assert_true(strlen(why) > 0);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lines_are_compared_by_path_and_number),
	        cmocka_unit_test(test_empty_dumps_are_equal),
	        cmocka_unit_test(test_what_is_no_dump_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
