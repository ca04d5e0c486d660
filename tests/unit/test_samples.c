/* test_samples.c — looks at stacks become a profile: each place and stack once, and how long it stood. */
#include "samples.h"
#include "test.h"

#include <stdbool.h>
#include <string.h>

/* Stacks of one thread in row 0: frames (code, line) of code 1, 2, 3 … at `line`. */
static struct hrv_frame frames[8];
static struct hrv_stack threads[3];
static struct hrv_stacks stacks = {.threads = threads};

static void stand(uint32_t row, uint64_t generation, uint32_t depth, uint32_t line)
{
	for (uint32_t i = 0; i < depth; i++)
		frames[i] = (struct hrv_frame){.code = i + 1, .line = line, .col = line};
	threads[row] = (struct hrv_stack){.used = true,
	                                  .generation = generation,
	                                  .run_state = HR_RUN_RUNNING,
	                                  .depth = depth,
	                                  .elided_at = depth,
	                                  .frame_count = depth,
	                                  .frames = frames,
	                                  .name = "main"};
	stacks.thread_count = row + 1;
}

static void assert_sample(const struct hrv_sample *sample, uint32_t path, uint32_t looks, uint64_t ticks)
{
	assert_int_equal(sample->path, path);
	assert_int_equal(sample->looks, looks);
	assert_int_equal(sample->ticks, ticks);
}

static void test_same_stack_on_end_is_one_sample(void **state)
{
	(void)state;
	struct hrv_samples samples = {0};

	memset(threads, 0, sizeof threads);
	stand(0, 1, 2, 10);
	assert_int_equal(hrv_samples_take(&samples, &stacks, 1000), 0);
	assert_int_equal(hrv_samples_take(&samples, &stacks, 1050), 0);
	stand(0, 1, 2, 11);
	assert_int_equal(hrv_samples_take(&samples, &stacks, 1110), 0);
	stand(0, 1, 2, 10);
	assert_int_equal(hrv_samples_take(&samples, &stacks, 1120), 0);
	threads[0].run_state = HR_RUN_SLEEPING;
	assert_int_equal(hrv_samples_take(&samples, &stacks, 1120), 0);

	assert_int_equal(samples.thread_count, 1);
	const struct hrv_sampled_thread *thread = &samples.threads[0];
	assert_int_equal(thread->count, 4);
	assert_sample(&thread->samples[0], 0, 2, 50); /* before the first look nothing is known */
	assert_sample(&thread->samples[1], 1, 1, 60);
	assert_sample(&thread->samples[2], 0, 1, 10);
	assert_sample(&thread->samples[3], 0, 1, 0);
	assert_int_equal(samples.path_count, 2);
	assert_int_equal(samples.place_count, 4);
	assert_int_equal(samples.step_count, 4);
	assert_int_equal(samples.last_tick - samples.first_tick, 120);

	uint64_t looks, ticks;
	hrv_samples_sum(&samples, &looks, &ticks);
	assert_int_equal(looks, 5);
	assert_int_equal(ticks, 120);
	hrv_samples_fini(&samples);
}

static void test_row_taken_by_another_thread_is_another_thread(void **state)
{
	(void)state;
	struct hrv_samples samples = {0};

	memset(threads, 0, sizeof threads);
	stand(2, 5, 1, 1);
	assert_int_equal(hrv_samples_take(&samples, &stacks, 100), 0);
	stand(2, 7, 1, 1);
	assert_int_equal(hrv_samples_take(&samples, &stacks, 150), 0);
	threads[2].used = false;
	assert_int_equal(hrv_samples_take(&samples, &stacks, 200), 0);
	assert_int_equal(samples.thread_count, 2);
	assert_sample(&samples.threads[0].samples[0], 0, 1, 0);
	assert_sample(&samples.threads[1].samples[0], 0, 1, 0);
	hrv_samples_fini(&samples);
}

static void test_frames_left_out_have_their_place(void **state)
{
	(void)state;
	struct hrv_samples samples = {0};

	memset(threads, 0, sizeof threads);
	stand(0, 1, 4, 7);
	threads[0].depth = 100;
	threads[0].elided_at = 2;
	assert_int_equal(hrv_samples_take(&samples, &stacks, 1), 0);
	assert_int_equal(samples.paths[0].count, 5);
	assert_int_equal(samples.places[samples.steps[1]].code, 2);
	assert_int_equal(samples.places[samples.steps[2]].code, HRV_CODE_ELIDED);
	assert_int_equal(samples.places[samples.steps[3]].code, 3);
	hrv_samples_fini(&samples);
}

static void test_thousands_of_stacks_are_told_apart(void **state)
{
	(void)state;
	struct hrv_samples samples = {0};

	memset(threads, 0, sizeof threads);
	for (int round = 0; round < 2; round++)
		for (uint32_t line = 1; line <= 3000; line++) {
			stand(0, 1, line % 8, line);
			assert_int_equal(hrv_samples_take(&samples, &stacks, line), 0);
		}
	assert_int_equal(samples.path_count, 3000 - 375 + 1); /* every eighth is empty, and all those are one */
	assert_int_equal(samples.threads[0].count, 6000);
	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(samples.threads[0].samples[i].path, samples.threads[0].samples[3000 + i].path);
	hrv_samples_fini(&samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_same_stack_on_end_is_one_sample),
	        cmocka_unit_test(test_row_taken_by_another_thread_is_another_thread),
	        cmocka_unit_test(test_frames_left_out_have_their_place),
	        cmocka_unit_test(test_thousands_of_stacks_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
