/* test_corrupt.c — segments with a wrong value in every place, cut at every length, and of random bytes.
 *
 * A reader never crashes, hangs or reads out of bounds (the sanitizers watch); that a value is refused is tested where
 * there is a rule, that it is survived everywhere. After PCP's corruption generator for its MMV files. */
#include "hr_atomic.h"
#include "hr_err.h"
#include "maker.h"
#include "read_all.h"
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct handmade good;
static struct maker_place place;

static int setup(void **state)
{
	(void)state;
	handmade_build(&good, 0);
	maker_place_init(&place, good.bytes, good.len_bytes);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maker_place_fini(&place);
	return 0;
}

/* A hang ends the program with SIGALRM, which is a failure too. */
static int read_within_reason(void)
{
	alarm(20);
	int err = read_all(place.dir_fd, place.file_name);
	alarm(0);
	return err;
}

static void put(const void *bytes, size_t len_bytes, size_t off)
{
	assert_int_equal(pwrite(place.fd, bytes, len_bytes, (off_t)off), len_bytes);
}

static void test_the_good_one_is_read(void **state)
{
	(void)state;
	assert_int_equal(read_within_reason(), 0);
}

/* Puts each nasty value at `off` as a word of `bytes`, and the good one back. */
static void mutate_word(size_t off, size_t bytes)
{
	uint64_t old = 0;

	memcpy(&old, good.bytes + off, bytes);
	const uint64_t values[] = {
	        0,
	        1,
	        7,
	        8,
	        63,
	        64,
	        4096,
	        UINT64_C(1) << 16,
	        UINT64_C(1) << 24,
	        INT32_MAX,
	        UINT32_MAX - 7,
	        UINT32_MAX,
	        UINT64_C(1) << 32,
	        INT64_MAX,
	        UINT64_MAX - 63,
	        UINT64_MAX - 7,
	        UINT64_MAX,
	        old - 1,
	        old + 1,
	        old + 8,
	        old * 2,
	        old << 16,
	        ~old,
	        good.len_bytes,
	        good.len_bytes - 1,
	        good.len_bytes + 1,
	        good.len_bytes - 64,
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		put(&values[i], bytes, off);
		read_within_reason();
	}
	put(good.bytes + off, bytes, off);
}

static void mutate_range(size_t from, size_t to)
{
	for (size_t off = from; off + 8 <= to; off += 4) {
		mutate_word(off, 4);
		if (off % 8 == 0)
			mutate_word(off, 8);
	}
}

static void test_every_field_of_the_header(void **state)
{
	(void)state;
	mutate_range(0, sizeof(struct hr_header));
	assert_int_equal(read_within_reason(), 0);
}

static void test_every_field_of_the_control_block(void **state)
{
	(void)state;
	size_t at = handmade_header(&good)->control_off;

	mutate_range(at, at + sizeof(struct hr_control));
	assert_int_equal(read_within_reason(), 0);
}

static void test_every_field_of_every_section(void **state)
{
	(void)state;
	static const enum hr_kind kinds[] = {HR_KIND_FILES, HR_KIND_CODES,   HR_KIND_SLOT_INFOS,
	                                     HR_KIND_NOTES, HR_KIND_THREADS, HR_KIND_SLOTS};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t first = (size_t)((unsigned char *)handmade_element(&good, kinds[i], 0) - good.bytes);
		size_t second = (size_t)((unsigned char *)handmade_element(&good, kinds[i], 1) - good.bytes);
		mutate_range(first, kinds[i] == HR_KIND_THREADS ? second : second + (second - first));
	}
	assert_int_equal(read_within_reason(), 0);
}

static void test_every_length(void **state)
{
	(void)state;
	for (size_t len = 0; len < good.len_bytes; len += len < 1200 ? 1 : 61) {
		assert_int_equal(ftruncate(place.fd, (off_t)len), 0);
		assert_int_equal(read_within_reason(), HR_ECORRUPT);
	}
	assert_int_equal(ftruncate(place.fd, 0), 0);
	put(good.bytes, good.len_bytes, 0);
	assert_int_equal(read_within_reason(), 0);
}

/* xorshift64*: the same bytes in every run. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static void test_random_damage(void **state)
{
	(void)state;
	static unsigned char bytes[HANDMADE_BYTES_MAX];
	uint64_t random = 20260101;

	for (int round = 0; round < 3000; round++) {
		memcpy(bytes, good.bytes, good.len_bytes);
		for (int n = 1 + (int)(random_next(&random) % 12); n > 0; n--)
			bytes[random_next(&random) % good.len_bytes] = (unsigned char)random_next(&random);
		put(bytes, good.len_bytes, 0);
		read_within_reason();
	}
	put(good.bytes, good.len_bytes, 0);
}

static void test_random_bytes_behind_a_good_header(void **state)
{
	(void)state;
	static unsigned char bytes[HANDMADE_BYTES_MAX];
	size_t from = handmade_header(&good)->control_off + offsetof(struct hr_control, end);
	uint64_t random = 42;

	for (int round = 0; round < 300; round++) {
		memcpy(bytes, good.bytes, good.len_bytes);
		for (size_t i = from; i < good.len_bytes; i++)
			bytes[i] = (unsigned char)random_next(&random);
		/* Believable fill levels, so that the contents are reached. */
		memcpy(bytes + handmade_header(&good)->control_off + offsetof(struct hr_control, used),
		       handmade_control(&good)->used, sizeof handmade_control(&good)->used);
		put(bytes, good.len_bytes, 0);
		read_within_reason();
	}
	put(good.bytes, good.len_bytes, 0);
}

static void test_nothing_but_random_bytes(void **state)
{
	(void)state;
	static unsigned char bytes[4096];
	uint64_t random = 7;

	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (unsigned char)random_next(&random);
		put(bytes, sizeof bytes, 0);
		assert_int_equal(read_within_reason(), HR_ECORRUPT);
	}
	put(good.bytes, good.len_bytes, 0);
}

/* ---- rules ---- */

static int read_changed(void (*change)(struct handmade *made))
{
	static struct handmade changed;

	memcpy(&changed, &good, sizeof changed);
	change(&changed);
	put(changed.bytes, changed.len_bytes, 0);
	int err = read_within_reason();
	put(good.bytes, good.len_bytes, 0);
	return err;
}

static void overlap(struct handmade *made)
{
	handmade_header(made)->sections[1].off = handmade_header(made)->sections[0].off;
}

static void overlap_control(struct handmade *made)
{
	handmade_header(made)->sections[0].off = handmade_header(made)->control_off;
}

static void twice(struct handmade *made)
{
	handmade_header(made)->sections[0].kind = handmade_header(made)->sections[1].kind;
	handmade_header(made)->sections[0].elem_bytes = 64;
	handmade_header(made)->sections[0].capacity = 1;
}

static void past_the_end(struct handmade *made)
{
	handmade_header(made)->sections[7].capacity += 64;
}

static void capacity_that_wraps(struct handmade *made)
{
	handmade_header(made)->sections[2].capacity = UINT64_MAX / sizeof(struct hr_slot) + 2;
}

static void more_used_than_there_is(struct handmade *made)
{
	hr_put64(&handmade_control(made)->used[2], 17);
}

static void lines_of_another(struct handmade *made)
{
	((struct hr_code *)handmade_element(made, HR_KIND_CODES, 1))->slot_first = 1;
}

static void lines_that_are_not_there(struct handmade *made)
{
	((struct hr_code *)handmade_element(made, HR_KIND_CODES, 2))->slot_count = 4;
}

static void run_that_wraps(struct handmade *made)
{
	((struct hr_code *)handmade_element(made, HR_KIND_CODES, 2))->slot_first = UINT32_MAX - 1;
}

static void file_that_is_not_there(struct handmade *made)
{
	((struct hr_code *)handmade_element(made, HR_KIND_CODES, 0))->file = 2;
}

static void text_past_the_strings(struct handmade *made)
{
	((struct hr_file *)handmade_element(made, HR_KIND_FILES, 0))->path.len_bytes = 4000;
}

static void unaligned(struct handmade *made)
{
	handmade_header(made)->sections[2].off += 8;
}

static void frames_beyond_belief(struct handmade *made)
{
	handmade_header(made)->thread_frames = UINT32_MAX;
}

static void test_what_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_changed(overlap), HR_ECORRUPT);
	assert_int_equal(read_changed(overlap_control), HR_ECORRUPT);
	assert_int_equal(read_changed(twice), HR_ECORRUPT);
	assert_int_equal(read_changed(past_the_end), HR_ECORRUPT);
	assert_int_equal(read_changed(capacity_that_wraps), HR_ECORRUPT);
	assert_int_equal(read_changed(more_used_than_there_is), HR_ECORRUPT);
	assert_int_equal(read_changed(lines_of_another), HR_ECORRUPT);
	assert_int_equal(read_changed(lines_that_are_not_there), HR_ECORRUPT);
	assert_int_equal(read_changed(run_that_wraps), HR_ECORRUPT);
	assert_int_equal(read_changed(file_that_is_not_there), HR_ECORRUPT);
	assert_int_equal(read_changed(text_past_the_strings), HR_ECORRUPT);
	assert_int_equal(read_changed(unaligned), HR_ECORRUPT);
	assert_int_equal(read_changed(frames_beyond_belief), HR_ECORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_good_one_is_read),
	        cmocka_unit_test(test_every_field_of_the_header),
	        cmocka_unit_test(test_every_field_of_the_control_block),
	        cmocka_unit_test(test_every_field_of_every_section),
	        cmocka_unit_test(test_every_length),
	        cmocka_unit_test(test_random_damage),
	        cmocka_unit_test(test_random_bytes_behind_a_good_header),
	        cmocka_unit_test(test_nothing_but_random_bytes),
	        cmocka_unit_test(test_what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests_name("corrupt", tests, setup, teardown);
}
