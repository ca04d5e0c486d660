/* test_moment.c — what is said of threads that do not move. */
#include "moment.h"

#include <string.h>

#include "test.h"

/* One code object with lines 7 and 8. */
static struct hr_code code = {.file = 0, .first_line = 7, .slot_first = 0, .slot_count = 2};
static struct hrv_codes codes = {.codes = &code, .code_count = 1, .file_count = 1};
static struct hrv_frame innermost = {.code = 0, .line = 7};

static int setup(void **state)
{
	(void)state;
	static const struct hr_slot_info infos[] = {{.line = 7}, {.line = 8}};

	return hrv_model_new(&codes.model) != 0 || hrv_model_add_code(codes.model, &code, infos, 2, 1) != 0;
}

static int teardown(void **state)
{
	(void)state;
	hrv_model_free(codes.model);
	return 0;
}

static void hit(uint32_t line, uint64_t tick)
{
	const struct hrv_slot_change change = {line - 7, {1, tick}};
	hrv_model_update(codes.model, &change, 1);
}

static const char *words(struct hrv_moment moment, struct hrv_stack stack, const char *path)
{
	static char out[HRV_WORDS_BYTES];

	moment.codes = &codes;
	stack.used = true;
	stack.frames = &innermost;
	hrv_moment_words(&moment, &stack, path, out);
	return out;
}

static void test_only_a_running_thread_is_stuck(void **state)
{
	(void)state;
	struct hrv_moment moment = {.tick = 20000, .lives = true};
	struct hrv_stack stack = {.tick = 20000, .since_tick = 15001, .frame_count = 1, .run_state = HR_RUN_RUNNING};

	assert_string_equal(words(moment, stack, "p.py"), "running");
	stack.since_tick = 15000;
	assert_string_equal(words(moment, stack, "p.py"), "stuck at p.py:7 for 5 s");
	assert_string_equal(words(moment, stack, NULL), "stuck for 5 s");
	stack.run_state = HR_RUN_SLEEPING;
	assert_string_equal(words(moment, stack, "p.py"), "idle for 5 s");
	stack.run_state = HR_RUN_STOPPED;
	assert_string_equal(words(moment, stack, "p.py"), "stopped");
	stack.run_state = HR_RUN_UNKNOWN;
	assert_string_equal(words(moment, stack, "p.py"), "unknown");
}

static void test_thread_without_a_stack_is_not_called_anything(void **state)
{
	(void)state;
	struct hrv_moment moment = {.tick = 20000, .lives = true};
	struct hrv_stack stack = {.tick = 20000, .since_tick = 0, .run_state = HR_RUN_RUNNING};

	assert_string_equal(words(moment, stack, NULL), "running");
}

/* Nobody can look: what was seen last may be a while ago, and the thread may have got further. */
static void test_silent_program_is_counted_on(void **state)
{
	(void)state;
	struct hrv_moment moment = {.tick = 80000, .silent_ms = 60000, .lives = true};
	struct hrv_stack stack = {.tick = 20000, .since_tick = 19950, .frame_count = 1, .run_state = HR_RUN_RUNNING};

	assert_string_equal(words(moment, stack, "p.py"), "stuck for 60 s, last seen at p.py:7");
	moment.silent_ms = 0;
	moment.tick = 20000; /* stopped, or ended: nothing is known of what came after */
	assert_string_equal(words(moment, stack, "p.py"), "running");
}

/* A loop is met in the same place by every look. */
static void test_line_that_was_hit_since_has_moved(void **state)
{
	(void)state;
	struct hrv_moment moment = {.tick = 20000, .lives = true};
	struct hrv_stack stack = {.tick = 20000, .since_tick = 100, .frame_count = 1, .run_state = HR_RUN_SLEEPING};

	hit(7, 90);
	hit(8, 19000);
	assert_string_equal(words(moment, stack, "p.py"), "idle for 19 s");
	hit(7, 15000);
	assert_string_equal(words(moment, stack, "p.py"), "idle for 5 s");
	hit(7, 15001);
	assert_string_equal(words(moment, stack, "p.py"), "sleeping");
}

/* A foreign segment may claim anything. */
static void test_ticks_that_make_no_sense_are_no_span(void **state)
{
	(void)state;
	struct hrv_moment moment = {.tick = 0, .lives = true};
	struct hrv_stack stack = {.tick = 5, .since_tick = UINT64_MAX, .frame_count = 1, .run_state = HR_RUN_RUNNING};

	assert_string_equal(words(moment, stack, "p.py"), "running");
}

static void test_spans_in_two_units_at_most(void **state)
{
	(void)state;
	static const struct {
		uint64_t ms;
		const char *text;
	} spans[] = {
	        {0, "0 s"},
	        {5999, "5 s"},
	        {119999, "119 s"},
	        {125000, "2 min 5 s"},
	        {7500000, "2 h 5 min"},
	        {273600000, "3 d 4 h"},
	        {UINT64_MAX, "213503982334 d 14 h"},
	};
	char out[HRV_SPAN_BYTES];

	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		hrv_span_format(spans[i].ms, out);
		assert_string_equal(out, spans[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_only_a_running_thread_is_stuck, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_thread_without_a_stack_is_not_called_anything, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_silent_program_is_counted_on, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_line_that_was_hit_since_has_moved, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_ticks_that_make_no_sense_are_no_span, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_spans_in_two_units_at_most, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
