/* test_wire.c — docs/wire.md held to the byte. */
#include "golden.h"
#include "hr_err.h"
#include "test.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define MS       UINT64_C(1000000)
#define START_NS (UINT64_C(1767225600000) * MS) /* 2026-01-01 */

static const struct hrv_wire_program live = {
        .id = 0x00c0ffee12345678,
        .pid = 4711,
        .python_hex = 0x030e08f0,
        .life = HRV_LIVE,
        .name = {"mandel.py", 9},
        .argv = {"mandel.py\0--size\0"
                 "80\0",
                 20},
        .caller = {"/home/ada/mandel.py", 19},
        .start_ns = START_NS + 250 * MS,
};

static void check_frame(const char *name, const struct hrv_wire_frame *frame)
{
	struct hrv_buffer buffer = {0};

	assert_int_equal(hrv_wire_encode(frame, &buffer), 0);
	golden_check(name, buffer.bytes, buffer.len_bytes);
	hrv_buffer_fini(&buffer);
}

static void test_frame_without_programs(void **state)
{
	(void)state;
	check_frame("no-programs", &(struct hrv_wire_frame){.now_ms = 1767225600123.5, .has_programs = true});
}

static void test_frame_of_nothing_new(void **state)
{
	(void)state;
	struct hrv_wire_detail detail = {.id = live.id, .tick = 90210};
	check_frame("unchanged", &(struct hrv_wire_frame){.now_ms = 1767225690460, .program = &detail});
}

static void test_frame_that_could_not_hold_all(void **state)
{
	(void)state;
	static const struct hrv_triple totals[] = {{0, 70, 90000}};
	struct hrv_wire_detail detail = {.id = live.id, .tick = 90210, .totals = totals, .total_count = 1};
	check_frame("more", &(struct hrv_wire_frame){.now_ms = 1767225690460, .more = true, .program = &detail});
}

static void test_frame_with_programs_of_every_state(void **state)
{
	(void)state;
	struct hrv_wire_program programs[5] = {live, live, live, live, live};
	programs[1].id = 2;
	programs[1].pid = 4712;
	programs[1].parent = live.id;
	programs[1].life = HRV_CLOSED;
	programs[1].why = HRV_TEXT("exit");
	programs[1].name = HRV_TEXT("w\xC3\xB6rker \xF0\x9F\x94\xA5");
	programs[1].argv = HRV_TEXT("");
	programs[1].python_hex = 0x030f00c2;
	programs[1].end_ns = START_NS + 61500 * MS;
	programs[2].id = 3;
	programs[2].pid = 4713;
	programs[2].life = HRV_DEAD;
	programs[2].python_hex = 0x030812f0;
	programs[2].caller = HRV_TEXT("");
	programs[3].id = 4;
	programs[3].pid = 1;
	programs[3].life = HRV_UNKNOWN;
	programs[4] = (struct hrv_wire_program){
	        .id = 0xfedcba9876543210,
	        .pid = 4715,
	        .life = HRV_CORRUPT,
	        .why = HRV_TEXT("section 3 ends past the end of the file"),
	};
	check_frame("programs", &(struct hrv_wire_frame){.now_ms = 1767225661500.25,
	                                                 .has_programs = true,
	                                                 .programs = programs,
	                                                 .program_count = 5});
}

static void test_frame_with_the_pulse_of_programs(void **state)
{
	(void)state;
	static const struct hrv_wire_pulse pulses[] = {
	        {0x00c0ffee12345678, UINT64_C(1) << 40, 12}, {2, 0, 0}, {0xfedcba9876543210, 70000, 1}};
	check_frame("pulse", &(struct hrv_wire_frame){.now_ms = 1767225661500.25,
	                                              .has_programs = true,
	                                              .programs = &live,
	                                              .program_count = 1,
	                                              .has_pulses = true,
	                                              .pulses = pulses,
	                                              .pulse_count = 3});
}

static void test_frame_with_everything(void **state)
{
	(void)state;
	static const struct hrv_wire_file files[] = {
	        {.index = 0, .path = {"/home/ada/mandel.py", 19}, .traced = true, .disk = true, .source = true},
	        {.index = 1,
	         .path = {"/home/ada/r\xC3\xA9sum\xC3\xA9.py", 21},
	         .traced = true,
	         .disk = true,
	         .source = true,
	         .changed = true},
	        {.index = 2, .path = {"<string>", 8}, .traced = true},
	        {.index = 3, .path = {"/usr/lib/python3.14/threading.py", 32}, .disk = true, .source = true},
	};
	static const struct hrv_triple totals[] = {{0, 123456, 5230}, {1, 0, 0}, {2, UINT64_C(1) << 40, 1}};
	static const struct hrv_triple lines[] = {
	        {1, 1, 12}, {2, 0, 0}, {7, 100000, 5230}, {8, UINT64_C(4294967296) + 7, 5229}, {70000, 23, 5001}};
	static const struct hrv_wire_lines lines_of = {.file = 0, .full = true, .triples = lines, .count = 5};
	static const struct hrv_wire_stack_frame main_frames[] = {
	        {0, {"<module>", 8}, 40, 40, 0, 6},
	        {0, {"main", 4}, 33, 35, 4, 5},
	        {0, {"row.<locals>.<lambda>", 21}, 8, 8, 11, 29},
	};
	static const struct hrv_wire_stack_frame worker_frames[] = {
	        {3, {"Thread._bootstrap", 17}, 1014, HR_INDEX_NONE, HR_INDEX_NONE, HR_INDEX_NONE},
	        {HR_INDEX_NONE, {"", 0}, 12, HR_INDEX_NONE, HR_INDEX_NONE, HR_INDEX_NONE},
	};
	static const struct hrv_wire_thread threads[] = {
	        {.id = 140002233445566,
	         .native = 4711,
	         .name = {"MainThread", 10},
	         .state = HR_RUN_RUNNING,
	         .since_tick = 5229,
	         .tick = 5230,
	         .depth = 3,
	         .elided_at = 3,
	         .frame_count = 3,
	         .frames = main_frames},
	        {.id = 140002233449999,
	         .native = 4720,
	         .name = {"deep", 4},
	         .state = HR_RUN_SLEEPING,
	         .since_tick = 17,
	         .tick = 5230,
	         .depth = 1000,
	         .elided_at = 1,
	         .frame_count = 2,
	         .frames = worker_frames},
	        {.id = 94000000000001,
	         .native = 140002233445566,
	         .name = {"Task-1", 6},
	         .task = true,
	         .state = HR_RUN_UNKNOWN,
	         .since_tick = 1,
	         .tick = 5230},
	};
	static const struct hrv_wire_note notes[] = {
	        {HR_NOTE_FILTER_RAISED, 3, {"files filter raised ValueError for <string>", 43}},
	        {HR_NOTE_TAKEN_OVER, 40, {"pdb", 3}},
	        {HR_NOTE_RESUMED, 41, {"pdb", 3}},
	        {HR_NOTE_TROUBLE, 42, {"/dev/shm is full", 16}},
	};
	static const struct hrv_wire_table tables[] = {{"slots", 123, 4194304}, {"strings", 70000, 70001}};
	struct hrv_wire_detail detail = {
	        .id = live.id,
	        .full = true,
	        .tick = 5231,
	        .files = files,
	        .file_count = 4,
	        .totals = totals,
	        .total_count = 3,
	        .lines = &lines_of,
	        .lines_count = 1,
	        .has_threads = true,
	        .threads = threads,
	        .thread_count = 3,
	        .has_drops = true,
	        .drops = {[HR_DROP_STRINGS] = 1, [HR_DROP_MEMORY] = 70000},
	        .notes = notes,
	        .note_count = 4,
	        .has_sampler = true,
	        .sampler_cpu_ms = 12.75,
	        .sampler_samples = 523,
	        .tables = tables,
	        .table_count = 2,
	};
	check_frame("everything", &(struct hrv_wire_frame){.now_ms = 1767225605481,
	                                                   .has_viewer = true,
	                                                   .viewer_cpu_ms = 81.25,
	                                                   .has_programs = true,
	                                                   .programs = &live,
	                                                   .program_count = 1,
	                                                   .program = &detail});
}

static void test_frame_with_a_delta(void **state)
{
	(void)state;
	static const struct hrv_triple totals[] = {{0, 123999, 5280}};
	static const struct hrv_triple lines[] = {{7, 100500, 5280}, {8, 100499, 5280}};
	static const struct hrv_wire_lines lines_of = {.file = 0, .triples = lines, .count = 2};
	struct hrv_wire_detail detail = {
	        .id = live.id,
	        .tick = 5281,
	        .totals = totals,
	        .total_count = 1,
	        .lines = &lines_of,
	        .lines_count = 1,
	        .has_sampler = true,
	        .sampler_cpu_ms = 12.875,
	        .sampler_samples = 528,
	};
	check_frame("delta", &(struct hrv_wire_frame){.now_ms = 1767225605531, .program = &detail});
}

static void test_frame_with_the_lines_of_every_file(void **state)
{
	(void)state;
	static const struct hrv_triple totals[] = {{0, 123999, 5280}, {2, 3, 5279}};
	static const struct hrv_triple known[] = {{7, 100500, 5280}, {8, 100499, 5280}};
	static const struct hrv_triple first[] = {{1, 3, 5279}, {2, 0, 0}};
	static const struct hrv_wire_lines lines[] = {
	        {.file = 0, .triples = known, .count = 2},
	        {.file = 2, .full = true, .triples = first, .count = 2},
	        {.file = 70000, .full = true}, /* no line of it has a count that is known any more */
	};
	struct hrv_wire_detail detail = {
	        .id = live.id,
	        .tick = 5281,
	        .totals = totals,
	        .total_count = 2,
	        .all = true,
	        .lines = lines,
	        .lines_count = 3,
	};
	check_frame("all", &(struct hrv_wire_frame){.now_ms = 1767225605531, .program = &detail});
}

static void test_frame_with_the_text_of_a_file(void **state)
{
	(void)state;
	struct hrv_wire_source source = {
	        .file = 2, .text = HRV_TEXT("def é(x):\r\n\treturn \"\\n\"\n"), .changed = true};
	struct hrv_wire_detail detail = {.id = live.id, .full = true, .tick = 9, .source = &source};
	check_frame("source", &(struct hrv_wire_frame){.now_ms = 1767225605531, .program = &detail});
}

static void test_frame_of_a_program_that_is_gone(void **state)
{
	(void)state;
	struct hrv_wire_detail detail = {.id = 0xdead, .gone = true, .has_threads = true};
	check_frame("gone", &(struct hrv_wire_frame){.now_ms = 1767225605531, .program = &detail});
}

static void test_text_that_is_not_utf8_is_repaired(void **state)
{
	(void)state;
	/* A stray byte, a cut sequence, an overlong one, a surrogate, past the end of Unicode, a NUL, a good one. */
	struct hrv_wire_program program = live;
	program.name = HRV_TEXT("a\xFF"
	                        "b\xE2\x82"
	                        "c\xC0\xAF"
	                        "d\xED\xB2\x80"
	                        "e\xF4\x90\x80\x80"
	                        "f\0g\xE2\x82\xAC");
	program.argv = HRV_TEXT("\x80\0unterminated\xF0\x9F");
	check_frame("repaired", &(struct hrv_wire_frame){
	                                .now_ms = 0, .has_programs = true, .programs = &program, .program_count = 1});
}

static void test_request_is_decoded(void **state)
{
	(void)state;
	unsigned char bytes[16] = {1, 1, 0, 0, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 0xA1};
	struct hrv_wire_request request;

	assert_int_equal(hrv_wire_decode_request(bytes, sizeof bytes, &request), 0);
	assert_true(request.full);
	assert_false(request.all || request.lead);
	assert_int_equal(request.file, 0x01020304);
	assert_true(request.program == UINT64_C(0xA102030405060708));
	bytes[1] = 2;
	assert_int_equal(hrv_wire_decode_request(bytes, sizeof bytes, &request), 0);
	assert_false(request.full);
	assert_true(request.all);
	bytes[1] = 4;
	assert_int_equal(hrv_wire_decode_request(bytes, sizeof bytes, &request), 0);
	assert_false(request.full || request.all);
	assert_true(request.lead);
}

static void test_request_of_another_shape_is_refused(void **state)
{
	(void)state;
	static const unsigned char good[16] = {1};
	struct hrv_wire_request request = {.file = 99};
	unsigned char bytes[17];

	for (size_t len = 0; len <= sizeof bytes; len++) {
		memset(bytes, 0, sizeof bytes);
		bytes[0] = 1;
		assert_int_equal(hrv_wire_decode_request(bytes, len, &request), len == 16 ? 0 : HR_EARG);
	}
	request.file = 99;
	for (int i = 0; i < 4; i++) {
		memcpy(bytes, good, sizeof good);
		bytes[i] = (unsigned char)(bytes[i] + 8);
		assert_int_equal(hrv_wire_decode_request(bytes, 16, &request), HR_EARG);
		assert_int_equal(request.file, 99);
	}
}

static void test_python_version_is_spelt(void **state)
{
	(void)state;
	char text[HRV_PYTHON_BYTES];

	hrv_python_format(0x030b02f0, text);
	assert_string_equal(text, "3.11.2");
	hrv_python_format(0x030f00a7, text);
	assert_string_equal(text, "3.15.0a7");
	hrv_python_format(0, text);
	assert_string_equal(text, "");
	hrv_python_format(UINT32_MAX, text);
	assert_string_equal(text, "255.255.255");
}

static void test_what_the_wire_repairs_is_what_dump_repairs(void **state)
{
	(void)state;
	char *text = hrv_text_repair(HRV_TEXT("\xE2\x82x\xFF\xC3\xA4"));

	assert_non_null(text);
	assert_string_equal(text, "\xEF\xBF\xBDx\xEF\xBF\xBD\xC3\xA4");
	free(text);
}

static void test_text_for_a_terminal_cannot_steer_it(void **state)
{
	(void)state;
	static const struct {
		struct hrv_text text;
		const char *printable;
	} cases[] = {
	        {HRV_TEXT("plain \xC3\xA4 \xE2\x98\x83"), "plain \xC3\xA4 \xE2\x98\x83"},
	        {HRV_TEXT("\x1B[31m\t\n\x7F"), "\xEF\xBF\xBD[31m\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
	        {HRV_TEXT("\xC2\x9B"), "\xEF\xBF\xBD"},                 /* C1: CSI in one character */
	        {HRV_TEXT("\xC2\xA0"), "\xC2\xA0"},                     /* the first that is none */
	        {HRV_TEXT("\xE2\x80\xAEx"), "\xEF\xBF\xBDx"},           /* right-to-left override */
	        {HRV_TEXT("\xE2\x81\xA6"), "\xEF\xBF\xBD"},             /* its isolate */
	        {HRV_TEXT("\xE2\x80\xAF"), "\xE2\x80\xAF"},             /* a narrow blank */
	        {HRV_TEXT("\xFF\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* no UTF-8 */
	        {HRV_TEXT(""), ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = hrv_text_printable(cases[i].text);
		assert_string_equal(text, cases[i].printable);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_frame_without_programs),
	        cmocka_unit_test(test_frame_of_nothing_new),
	        cmocka_unit_test(test_frame_that_could_not_hold_all),
	        cmocka_unit_test(test_frame_with_programs_of_every_state),
	        cmocka_unit_test(test_frame_with_the_pulse_of_programs),
	        cmocka_unit_test(test_frame_with_everything),
	        cmocka_unit_test(test_frame_with_a_delta),
	        cmocka_unit_test(test_frame_with_the_lines_of_every_file),
	        cmocka_unit_test(test_frame_with_the_text_of_a_file),
	        cmocka_unit_test(test_frame_of_a_program_that_is_gone),
	        cmocka_unit_test(test_text_that_is_not_utf8_is_repaired),
	        cmocka_unit_test(test_request_is_decoded),
	        cmocka_unit_test(test_request_of_another_shape_is_refused),
	        cmocka_unit_test(test_python_version_is_spelt),
	        cmocka_unit_test(test_what_the_wire_repairs_is_what_dump_repairs),
	        cmocka_unit_test(test_text_for_a_terminal_cannot_steer_it),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
