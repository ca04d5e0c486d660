/* test_source.c — source text: encodings, line ends, and which files are never read. */
#include "encoding.h"
#include "hr_err.h"
#include "maker.h"
#include "source.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- encodings ---- */

static void assert_encoding(struct hrv_text source, const char *expected)
{
	char name[HRV_ENCODING_BYTES];

	hrv_encoding_of(source, name);
	assert_string_equal(name, expected);
}

static void test_declaration_is_found_where_pep_263_has_it(void **state)
{
	(void)state;
	assert_encoding(HRV_TEXT(""), "utf-8");
	assert_encoding(HRV_TEXT("x = 1\n"), "utf-8");
	assert_encoding(HRV_TEXT("# coding: latin-1\n"), "iso-8859-1");
	assert_encoding(HRV_TEXT("# -*- coding: Latin_1 -*-\n"), "iso-8859-1");
	assert_encoding(HRV_TEXT("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n"), "cp1252");
	assert_encoding(HRV_TEXT("\r\n\f # coding=koi8-r\r\n"), "koi8-r");
	assert_encoding(HRV_TEXT("# coding: UTF_8_sig\n"), "utf-8");
	assert_encoding(HRV_TEXT("\xEF\xBB\xBF# coding: latin-1\n"), "utf-8");
	assert_encoding(HRV_TEXT("x = 1\n# coding: latin-1\n"), "utf-8"); /* code stands before it */
	assert_encoding(HRV_TEXT("\n\n# coding: latin-1\n"), "utf-8");    /* the third line */
	assert_encoding(HRV_TEXT("x = 'coding: latin-1'\n"), "utf-8");    /* no comment */
	assert_encoding(HRV_TEXT("# coding latin-1\n"), "utf-8");
	assert_encoding(HRV_TEXT("# coding:\n"), "utf-8");
	assert_encoding(HRV_TEXT("# coding"), "utf-8");
}

static void assert_decoded(struct hrv_text source, struct hrv_text expected)
{
	struct hrv_buffer out = {0};

	assert_int_equal(hrv_encoding_decode(source, &out), 0);
	assert_int_equal(out.len_bytes, expected.len_bytes);
	assert_memory_equal(out.bytes, expected.bytes, expected.len_bytes);
	hrv_buffer_fini(&out);
}

static void test_source_becomes_utf8_and_keeps_its_line_ends(void **state)
{
	(void)state;
	assert_decoded(HRV_TEXT("a = '\xC3\xA9'\r\nb\rc\n"), HRV_TEXT("a = '\xC3\xA9'\r\nb\rc\n"));
	assert_decoded(HRV_TEXT("\xEF\xBB\xBFx\n"), HRV_TEXT("x\n"));
	assert_decoded(HRV_TEXT("# coding: latin-1\n\xE9\n"), HRV_TEXT("# coding: latin-1\n\xC3\xA9\n"));
	assert_decoded(HRV_TEXT("# coding: cp1252\n\x80\n"), HRV_TEXT("# coding: cp1252\n\xE2\x82\xAC\n"));
	assert_decoded(HRV_TEXT("# coding: shift_jis\n\x83\x65\n"), HRV_TEXT("# coding: shift_jis\n\xE3\x83\x86\n"));
	assert_decoded(HRV_TEXT("# coding: koi8_r\n\xC1\n"), HRV_TEXT("# coding: koi8_r\n\xD0\xB0\n"));
	assert_decoded(HRV_TEXT("# coding: mac_roman\n\x8E\n"), HRV_TEXT("# coding: mac_roman\n\xC3\xA9\n"));
}

static void test_bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	assert_decoded(HRV_TEXT("a\xFFz\n"), HRV_TEXT("a\xEF\xBF\xBDz\n"));
	assert_decoded(HRV_TEXT("# coding: ascii\na\xE9z\n"), HRV_TEXT("# coding: ascii\na\xEF\xBF\xBDz\n"));
	assert_decoded(HRV_TEXT("# coding: shift_jis\n\x83"), HRV_TEXT("# coding: shift_jis\n\xEF\xBF\xBD"));
	assert_decoded(HRV_TEXT("# coding: no-such-thing\n\xC3\xA9\n"),
	               HRV_TEXT("# coding: no-such-thing\n\xC3\xA9\n"));
}

/* ---- files ---- */

static char dir[64], path[128];
static struct hrt_segment *segment;
static struct hrv_reader *reader;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hr_test_XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/prog.py", dir);
	segment = maker_segment("prog.py");
	reader = maker_open(hrt_segment_name(segment));
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	hrv_reader_close(reader);
	maker_forget(segment);
	snprintf(command, sizeof command, "rm -r '%s'", dir);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "wb");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static uint64_t fnv1a(const char *text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* Puts a file into the table as it is on disk now. */
static uint32_t load_file(const char *name, const char *text)
{
	struct stat st;
	struct hr_file file = {.flags = HR_FILE_TRACED | HR_FILE_ON_DISK, .hash = fnv1a(text)};
	uint32_t index = HR_INDEX_NONE;

	assert_int_equal(stat(name, &st), 0);
	file.size_bytes = (uint64_t)st.st_size;
	file.mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	assert_int_equal(hrt_segment_put_string(segment, maker_text(name), &file.path), 0);
	assert_int_equal(hrt_segment_put_file(segment, &file, &index), 0);
	return index;
}

static void assert_loads(uint32_t index, const char *expected, bool expected_changed)
{
	struct hrv_buffer text = {0};
	char why[HRV_SOURCE_WHY_BYTES] = "";
	bool changed = !expected_changed;
	int err = hrv_source_load(reader, index, &text, &changed, why);

	if (err != 0)
		fail_msg("%s: %s", hr_err_name(err), why);
	assert_int_equal(text.len_bytes, strlen(expected));
	assert_memory_equal(text.bytes, expected, text.len_bytes);
	assert_int_equal(changed, expected_changed);
	hrv_buffer_fini(&text);
}

static void assert_refused(uint32_t index, int expected, const char *word)
{
	struct hrv_buffer text = {0};
	char why[HRV_SOURCE_WHY_BYTES] = "";
	bool changed;

	assert_int_equal(hrv_source_load(reader, index, &text, &changed, why), expected);
	if (!strstr(why, word))
		fail_msg("expected \"%s\" in \"%s\"", word, why);
	assert_int_equal(text.len_bytes, 0);
	hrv_buffer_fini(&text);
}

static bool is_changed(uint32_t index, const char *name)
{
	struct hr_file file;

	assert_int_equal(hrv_reader_files(reader, index, 1, &file), 0);
	return hrv_source_is_changed(reader, &file, name);
}

static void test_file_on_disk_is_read_and_told_apart_when_changed(void **state)
{
	(void)state;
	write_file(path, "one = 1\n");
	uint32_t index = load_file(path, "one = 1\n");
	assert_loads(index, "one = 1\n", false);
	assert_false(is_changed(index, path));
	write_file(path, "two = 2\n"); /* the same size */
	assert_loads(index, "two = 2\n", true);
	assert_true(is_changed(index, path));
	write_file(path, "one = 1\n"); /* touched, but as it was */
	assert_loads(index, "one = 1\n", false);
	assert_false(is_changed(index, path));
	assert_int_equal(unlink(path), 0);
	assert_refused(index, HR_EGONE, "prog.py");
	assert_true(is_changed(index, path));
}

static void test_text_that_the_program_carries_comes_first(void **state)
{
	(void)state;
	struct hr_file file = {.flags = HR_FILE_TRACED | HR_FILE_SOURCE | HR_FILE_ON_DISK};
	uint32_t index;

	write_file(path, "on disk\n");
	assert_int_equal(hrt_segment_put_string(segment, maker_text(path), &file.path), 0);
	assert_int_equal(hrt_segment_put_string(segment, maker_text("carried\xFF\n"), &file.source), 0);
	assert_int_equal(hrt_segment_put_file(segment, &file, &index), 0);
	assert_loads(index, "carried\xEF\xBF\xBD\n", false);
}

static void test_only_files_of_the_table_are_read(void **state)
{
	(void)state;
	assert_refused(0, HR_EGONE, "no file 0");
	maker_file(segment, "<string>", HR_FILE_TRACED);
	maker_file(segment, "relative.py", HR_FILE_TRACED | HR_FILE_ON_DISK);
	assert_refused(0, HR_EGONE, "<string>");
	assert_refused(1, HR_EPERM, "absolute");
	assert_refused(2, HR_EGONE, "no file 2");
	assert_refused(UINT32_MAX, HR_EGONE, "no file");
}

static void test_what_is_no_regular_file_is_not_opened(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(maker_file(segment, path, HR_FILE_ON_DISK), HR_EPERM, "regular");
	assert_refused(maker_file(segment, dir, HR_FILE_ON_DISK), HR_EPERM, "regular");
	assert_refused(maker_file(segment, "/dev/zero", HR_FILE_ON_DISK), HR_EPERM, "regular");
	assert_refused(maker_file(segment, "/", HR_FILE_ON_DISK), HR_EPERM, "regular");
}

static void test_huge_file_is_not_read(void **state)
{
	(void)state;
	write_file(path, "");
	assert_int_equal(truncate(path, (off_t)2 << 30), 0);
	assert_refused(maker_file(segment, path, HR_FILE_ON_DISK), HR_EPERM, "16777216");
}

static void test_link_put_in_place_of_a_source_shows_nothing(void **state)
{
	(void)state;
	char secret[128];

	snprintf(secret, sizeof secret, "%s/secret", dir);
	write_file(secret, "the key\n");
	write_file(path, "one = 1\n");
	uint32_t index = load_file(path, "one = 1\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(secret, path), 0);
	assert_refused(index, HR_EPERM, "symbolic link");
}

static void test_directory_swapped_for_a_link_shows_nothing(void **state)
{
	(void)state;
	char inner[96], moved[96], name[128], secret[128];

	snprintf(inner, sizeof inner, "%s/src", dir);
	snprintf(moved, sizeof moved, "%s/other", dir);
	snprintf(name, sizeof name, "%s/a.py", inner);
	snprintf(secret, sizeof secret, "%s/a.py", moved);
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_int_equal(mkdir(moved, 0700), 0);
	write_file(name, "one = 1\n");
	write_file(secret, "the key\n");
	uint32_t index = load_file(name, "one = 1\n");
	assert_int_equal(unlink(name), 0);
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(symlink("other", inner), 0);
	assert_refused(index, HR_EPERM, "symbolic link");
}

static void test_source_behind_a_link_is_read_while_it_is_the_one_that_was_loaded(void **state)
{
	(void)state;
	char real[128];

	snprintf(real, sizeof real, "%s/real.py", dir);
	write_file(real, "one = 1\n");
	assert_int_equal(symlink("real.py", path), 0);
	uint32_t index = load_file(path, "one = 1\n");
	assert_loads(index, "one = 1\n", false);
	write_file(real, "two = 2\n");
	assert_refused(index, HR_EPERM, "symbolic link");
}

static void test_path_with_dots_is_walked(void **state)
{
	(void)state;
	char name[160];

	write_file(path, "one = 1\n");
	snprintf(name, sizeof name, "%s/../%s/./prog.py", dir, strrchr(dir, '/') + 1);
	assert_loads(load_file(name, "one = 1\n"), "one = 1\n", false);
}

/* Another user's program, read by root. */
static void test_root_reads_for_a_user_what_the_user_may(void **state)
{
	(void)state;
	struct hrv_buffer text = {0};
	char why[HRV_SOURCE_WHY_BYTES] = "";
	bool changed;

	if (geteuid() != 0)
		skip(); /* nobody else sees another user's program */
	assert_int_equal(chmod(dir, 0755), 0);
	write_file(path, "secret = 1\n");
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(seteuid(65534), 0);
	struct hrt_segment *theirs = maker_segment("theirs");
	assert_int_equal(seteuid(0), 0);
	struct hr_file file = {.flags = HR_FILE_TRACED | HR_FILE_ON_DISK};
	uint32_t index;
	assert_int_equal(hrt_segment_put_string(theirs, maker_text(path), &file.path), 0);
	assert_int_equal(hrt_segment_put_file(theirs, &file, &index), 0);
	struct hrv_reader *their_reader = maker_open(hrt_segment_name(theirs));
	assert_int_equal(hrv_reader_header(their_reader)->uid, 65534);
	assert_int_equal(hrv_source_load(their_reader, index, &text, &changed, why), HR_EPERM);
	assert_non_null(strstr(why, "may not be read"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(hrv_source_load(their_reader, index, &text, &changed, why), 0);
	assert_int_equal(chmod(path, 0600), 0);
	int fd = open(path, O_RDONLY); /* and is root again afterwards */
	assert_true(fd >= 0);
	close(fd);
	hrv_buffer_fini(&text);
	hrv_reader_close(their_reader);
	maker_forget(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_declaration_is_found_where_pep_263_has_it),
	        cmocka_unit_test(test_source_becomes_utf8_and_keeps_its_line_ends),
	        cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
	        cmocka_unit_test_setup_teardown(test_file_on_disk_is_read_and_told_apart_when_changed, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_text_that_the_program_carries_comes_first, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_only_files_of_the_table_are_read, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_what_is_no_regular_file_is_not_opened, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_huge_file_is_not_read, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_link_put_in_place_of_a_source_shows_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_directory_swapped_for_a_link_shows_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_source_behind_a_link_is_read_while_it_is_the_one_that_was_loaded,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(test_path_with_dots_is_walked, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_root_reads_for_a_user_what_the_user_may, setup, teardown),
	};
	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
