/* test_export.c — corners of the formats: odd paths, files without lines, what must be escaped. */
#include "export.h"
#include "out.h"
#include "test.h"

#include <string.h>

static const struct hrv_dump_line lines[] = {{1, 0, 0}, {3, UINT64_MAX, 5}, {70000, 12, 9}};
static struct hrv_program program = {.name = {"p", 1}, .cwd = {"/home/a b", 9}};

static struct hrv_dump_file file(const char *path, size_t line_count)
{
	return (struct hrv_dump_file){.path = path,
	                              .on_disk = true,
	                              .lines = lines,
	                              .line_count = line_count,
	                              .hit_count = line_count > 1 ? line_count - 1 : 0};
}

static const char *written(const char *format, struct hrv_dump_file *files, size_t count)
{
	static struct hrv_buffer out;
	struct hrv_dump dump = {.program = &program, .files = files, .file_count = count};

	out.len_bytes = 0;
	assert_int_equal(hrv_export_find(format)->write(&dump, &out), 0);
	assert_int_equal(hrv_buffer_append(&out, "", 1), 0);
	assert_int_equal(strlen(out.bytes) + 1, out.len_bytes);
	return out.bytes;
}

static void test_lcov_in_full(void **state)
{
	(void)state;
	struct hrv_dump_file files[] = {file("/a, b:c.py", 3), file("/z.py", 1)};

	assert_string_equal(written("lcov", files, 2),
	                    "TN:\nSF:/a, b:c.py\nDA:1,0\nDA:3,18446744073709551615\nDA:70000,12\n"
	                    "LF:3\nLH:2\nend_of_record\n"
	                    "TN:\nSF:/z.py\nDA:1,0\nLF:1\nLH:0\nend_of_record\n");
}

static void test_what_no_tool_could_find_on_disk_is_left_out(void **state)
{
	(void)state;
	struct hrv_dump_file files[] = {file("/empty.py", 0), file("/new\nline.py", 3), file("/caf\xEF\xBF\xBD.py", 3),
	                                file("relative.py", 3), file("<string>", 3)};

	files[4].on_disk = false;
	assert_string_equal(written("lcov", files, 5), "");
	assert_null(strstr(written("cobertura", files, 5), "<class "));
	assert_non_null(strstr(written("cobertura", files, 5), "lines-valid=\"0\" lines-covered=\"0\""));
	assert_string_equal(written("lcov", NULL, 0), "");
}

/* The next `what` in *at; moves behind it. */
static void expect_next(const char **at, const char *what)
{
	const char *found = strstr(*at, what);

	assert_non_null(found);
	*at = found + strlen(what);
}

static void test_cobertura_has_a_package_for_each_directory(void **state)
{
	(void)state;
	struct hrv_dump_file files[] = {file("/home/a b/m.py", 3), file("/home/a b/p.q/x.py", 3),
	                                file("/home/a b/p.q.py", 1), file("/home/a b/p/y&<>\"'.py", 1),
	                                file("/home/a bc/other.py", 1)};
	const char *at = written("cobertura", files, 5);

	assert_null(strstr(at, "y&<"));
	expect_next(&at, "lines-valid=\"9\" lines-covered=\"4\"");
	expect_next(&at, "line-rate=\"0.444444\"");
	expect_next(&at, "<source>/home/a b</source>");
	expect_next(&at, "<package name=\".\" line-rate=\"0.5\"");
	expect_next(&at, "filename=\"m.py\"");
	expect_next(&at, "<line number=\"3\" hits=\"18446744073709551615\"/>");
	expect_next(&at, "filename=\"p.q.py\"");
	expect_next(&at, "<package name=\"home.a bc\" line-rate=\"0\""); /* a directory that only begins alike */
	expect_next(&at, "filename=\"/home/a bc/other.py\"");
	expect_next(&at, "<package name=\"p\"");
	expect_next(&at, "<class name=\"y&amp;&lt;&gt;&quot;&#39;.py\" filename=\"p/y&amp;&lt;&gt;&quot;&#39;.py\"");
	expect_next(&at, "<package name=\"p.q\"");
	expect_next(&at, "</packages>");
}

static void assert_markup(const char *text, size_t len_bytes, const char *expected)
{
	struct hrv_buffer buffer = {0};
	struct hrv_out out = {&buffer, 0};

	hrv_out_markup(&out, text, len_bytes);
	assert_int_equal(out.err, 0);
	assert_int_equal(buffer.len_bytes, strlen(expected));
	assert_memory_equal(buffer.bytes, expected, buffer.len_bytes);
	hrv_buffer_fini(&buffer);
}

static void test_what_xml_forbids_is_replaced(void **state)
{
	(void)state;
	assert_markup("a\tb\nc", 5, "a\tb\nc");
	assert_markup("a\r\0\x1B", 4, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
	assert_markup("\xEF\xBF\xBE\xEF\xBF\xBF!", 7, "\xEF\xBF\xBD\xEF\xBF\xBD!");
	assert_markup("\xEF\xBF\xBD\xEF\xBB\xBF", 6, "\xEF\xBF\xBD\xEF\xBB\xBF");
	assert_markup("<&\xE2\x98\x83>", 6, "&lt;&amp;\xE2\x98\x83&gt;");
}

static void test_counts_are_grouped_by_thousands(void **state)
{
	(void)state;
	char text[HRV_COUNT_BYTES];

	hrv_count_format(0, text);
	assert_string_equal(text, "0");
	hrv_count_format(999, text);
	assert_string_equal(text, "999");
	hrv_count_format(1000, text);
	assert_string_equal(text, "1,000");
	hrv_count_format(UINT64_MAX, text);
	assert_string_equal(text, "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lcov_in_full),
	        cmocka_unit_test(test_what_no_tool_could_find_on_disk_is_left_out),
	        cmocka_unit_test(test_cobertura_has_a_package_for_each_directory),
	        cmocka_unit_test(test_what_xml_forbids_is_replaced),
	        cmocka_unit_test(test_counts_are_grouped_by_thousands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
