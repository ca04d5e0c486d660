/* test_model.c — lines from slots, and what has changed since. */
#include "hr_err.h"
#include "model.h"
#include "test.h"

#include <stdlib.h>

static struct hrv_model *model;

static int setup(void **state)
{
	(void)state;
	return hrv_model_new(&model);
}

static int teardown(void **state)
{
	(void)state;
	hrv_model_free(model);
	model = NULL;
	return 0;
}

/* A code object in `file` with slots from `first` for `count` lines from `line`. */
static int add(uint32_t file, uint32_t first, uint32_t count, uint32_t line, uint32_t flags)
{
	struct hr_slot_info infos[64] = {{0}};
	struct hr_code code = {.file = file, .first_line = line, .slot_first = first, .slot_count = count};

	for (uint32_t i = 0; i < count; i++)
		infos[i] = (struct hr_slot_info){.line = line + i, .flags = flags};
	return hrv_model_add_code(model, &code, infos, 1000, 10);
}

static void hit(uint32_t slot, uint64_t hits, uint64_t tick)
{
	struct hrv_slot_change change = {slot, {hits, tick}};

	hrv_model_update(model, &change, 1);
}

static int by_which(const void *left, const void *right)
{
	const struct hrv_triple *a = left, *b = right;
	return (a->which > b->which) - (a->which < b->which);
}

static void assert_triples(const struct hrv_triple *got, size_t got_count, const struct hrv_triple *expected,
                           size_t count)
{
	struct hrv_triple sorted[64];

	assert_int_equal(got_count, count);
	for (size_t i = 0; i < count; i++)
		sorted[i] = got[i];
	qsort(sorted, count, sizeof *sorted, by_which);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sorted[i].which, expected[i].which);
		assert_int_equal(sorted[i].hits, expected[i].hits);
		assert_int_equal(sorted[i].last_tick, expected[i].last_tick);
	}
}

#define ASSERT_LINES(expected_full, ...)                                                                               \
	do {                                                                                                           \
		const struct hrv_triple expected[] = {__VA_ARGS__, {0}};                                               \
		const struct hrv_wire_lines *entry;                                                                    \
		size_t got_count;                                                                                      \
		assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &entry, &got_count, &(bool){false}), 0);        \
		assert_int_equal(got_count, 1);                                                                        \
		assert_int_equal(entry->full, expected_full);                                                          \
		assert_triples(entry->triples, entry->count, expected, sizeof expected / sizeof *expected - 1);        \
	} while (0)

#define ASSERT_TOTALS(...)                                                                                             \
	do {                                                                                                           \
		const struct hrv_triple expected[] = {__VA_ARGS__, {0}};                                               \
		const struct hrv_triple *got;                                                                          \
		size_t got_count;                                                                                      \
		assert_int_equal(hrv_model_take_totals(model, SIZE_MAX, &got, &got_count, &(bool){false}), 0);         \
		assert_triples(got, got_count, expected, sizeof expected / sizeof *expected - 1);                      \
	} while (0)

static void assert_nothing_new(void)
{
	const struct hrv_wire_lines *lines;
	const struct hrv_triple *totals;
	size_t count;

	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &lines, &count, &(bool){false}), 0);
	assert_int_equal(count, 1);
	assert_int_equal(lines->count, 0);
	assert_false(lines->full);
	assert_int_equal(hrv_model_take_totals(model, SIZE_MAX, &totals, &count, &(bool){false}), 0);
	assert_int_equal(count, 0);
}

static void test_line_is_the_sum_over_code_objects(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 3, 10, 0), 0);
	assert_int_equal(add(0, 3, 2, 11, 0), 0); /* lines 11 and 12 again */
	hrv_model_watch(model, 0);
	hit(0, 1, 5);
	hit(1, 20, 9);
	hit(3, 300, 7);
	ASSERT_LINES(true, {10, 1, 5}, {11, 320, 9}, {12, 0, 0});
	ASSERT_TOTALS({0, 321, 9});
}

static void test_only_what_changed_comes_again(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 3, 10, 0), 0);
	assert_int_equal(add(1, 3, 2, 1, 0), 0);
	hrv_model_watch(model, 0);
	ASSERT_LINES(true, {10, 0, 0}, {11, 0, 0}, {12, 0, 0});
	ASSERT_TOTALS({0, 0, 0}, {1, 0, 0});
	assert_nothing_new();
	hit(2, 5, 100);
	hit(3, 7, 101);
	ASSERT_LINES(false, {12, 5, 100});
	ASSERT_TOTALS({0, 5, 100}, {1, 7, 101});
	assert_nothing_new();
	hit(2, 5, 103); /* the time of the hit came later than the hit */
	ASSERT_LINES(false, {12, 5, 103});
}

static void test_another_file_starts_over(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 2, 10, 0), 0);
	assert_int_equal(add(1, 2, 2, 20, 0), 0);
	hrv_model_watch(model, 0);
	ASSERT_LINES(true, {10, 0, 0}, {11, 0, 0});
	hit(1, 1, 1);
	hit(2, 2, 2);
	hrv_model_watch(model, 1);
	ASSERT_LINES(true, {20, 2, 2}, {21, 0, 0});
	hrv_model_watch(model, 0);
	ASSERT_LINES(true, {10, 0, 0}, {11, 1, 1});
	hrv_model_watch(model, HR_INDEX_NONE);
	hit(1, 9, 9);
	const struct hrv_wire_lines *got;
	size_t count;
	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &got, &count, &(bool){false}), 0);
	assert_int_equal(count, 0);
}

static void assert_entry(const struct hrv_wire_lines *entry, uint32_t file, bool full,
                         const struct hrv_triple *expected, size_t count)
{
	assert_int_equal(entry->file, file);
	assert_int_equal(entry->full, full);
	assert_triples(entry->triples, entry->count, expected, count);
}

static void test_lines_of_every_file_come_by_file(void **state)
{
	(void)state;
	const struct hrv_wire_lines *got;
	size_t count;

	assert_int_equal(add(0, 0, 2, 10, 0), 0);
	assert_int_equal(add(3, 2, 1, 20, 0), 0);
	hrv_model_watch_all(model);
	hit(1, 5, 1);
	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &got, &count, &(bool){false}), 0);
	assert_int_equal(count, 2);
	assert_entry(&got[0], 0, true, (const struct hrv_triple[]){{10, 0, 0}, {11, 5, 1}}, 2);
	assert_entry(&got[1], 3, true, (const struct hrv_triple[]){{20, 0, 0}}, 1);
	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &got, &count, &(bool){false}), 0);
	assert_int_equal(count, 0);

	/* A file's first lines are full, also when it comes later. */
	assert_int_equal(add(2, 3, 1, 30, 0), 0);
	assert_int_equal(add(3, 4, 1, 21, 0), 0);
	hit(2, 7, 2);
	hit(0, 8, 3);
	hit(2, 9, 4);
	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &got, &count, &(bool){false}), 0);
	assert_int_equal(count, 3);
	assert_entry(&got[0], 2, true, (const struct hrv_triple[]){{30, 0, 0}}, 1);
	assert_entry(&got[1], 3, false, (const struct hrv_triple[]){{20, 9, 4}, {21, 0, 0}}, 2);
	assert_entry(&got[2], 0, false, (const struct hrv_triple[]){{10, 8, 3}}, 1);

	/* A count that is no longer known goes by starting its file over; one that is the last leaves it empty. */
	assert_int_equal(add(3, 5, 1, 20, 1u << 30), 0);
	assert_int_equal(add(2, 6, 1, 30, 1u << 30), 0);
	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &got, &count, &(bool){false}), 0);
	assert_int_equal(count, 2);
	assert_entry(&got[0], 3, true, (const struct hrv_triple[]){{21, 0, 0}}, 1);
	assert_entry(&got[1], 2, true, NULL, 0);

	hrv_model_watch(model, 0);
	ASSERT_LINES(true, {10, 8, 3}, {11, 5, 1});
	hrv_model_watch_all(model);
	assert_int_equal(hrv_model_take_lines(model, SIZE_MAX, &got, &count, &(bool){false}), 0);
	assert_int_equal(count, 3);
	assert_true(got[0].full && got[1].full && got[2].full);
}

static void test_new_lines_of_the_watched_file_come_by_themselves(void **state)
{
	(void)state;
	hrv_model_watch(model, 4);
	assert_int_equal(add(4, 0, 1, 10, 0), 0);
	ASSERT_LINES(true, {10, 0, 0});
	assert_int_equal(add(4, 1, 2, 10, 0), 0);
	ASSERT_LINES(false, {11, 0, 0});
}

static void test_slot_with_an_unknown_flag_is_no_count(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 2, 10, 0), 0);
	hrv_model_watch(model, 0);
	hit(0, 5, 1);
	hit(1, 6, 1);
	ASSERT_LINES(true, {10, 5, 1}, {11, 6, 1});
	ASSERT_TOTALS({0, 11, 1});
	/* Another code object on line 11, of a kind that this version does not know: the sum is not known any more. */
	assert_int_equal(add(0, 2, 1, 11, 1u << 30), 0);
	hit(2, 1000, 2);
	hit(1, 7, 2);
	hit(0, 6, 2);
	ASSERT_LINES(true, {10, 6, 2});
	ASSERT_TOTALS({0, 6, 2});
	assert_int_equal(add(0, 3, 1, 50, HR_SLOT_DERIVED), 0);
	hit(3, 9, 3);
	ASSERT_LINES(true, {10, 6, 2});
}

static void test_counts_beyond_32_bits_are_exact(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 1, 1, 0), 0);
	assert_int_equal(add(0, 1, 1, 1, 0), 0);
	hrv_model_watch(model, 0);
	hit(0, UINT64_C(0x1FFFFFFFF), 1);
	hit(1, UINT64_C(0x100000001), 1);
	ASSERT_LINES(true, {1, UINT64_C(0x300000000), 1});
}

static void test_what_a_code_object_cannot_claim_is_corrupt(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 3, 10, 0), 0);
	assert_int_equal(add(0, 2, 3, 20, 0), HR_ECORRUPT);   /* another's slot */
	assert_int_equal(add(0, 998, 3, 20, 0), HR_ECORRUPT); /* past the end */
	assert_int_equal(add(0, 2000, 1, 20, 0), HR_ECORRUPT);
	assert_int_equal(add(10, 10, 1, 20, 0), HR_ECORRUPT); /* no such file */
	assert_int_equal(add(10, 5000, 0, 20, 0), 0);         /* claims nothing */
}

static void test_many_lines_are_found_again(void **state)
{
	(void)state;
	enum { LINES = 50000 };
	struct hr_slot_info *infos = calloc(LINES, sizeof *infos);
	struct hrv_slot_change *changes = calloc(2 * LINES, sizeof *changes);
	const struct hrv_line *lines;
	size_t count;

	for (uint32_t i = 0; i < LINES; i++)
		infos[i].line = i * 7 + 1;
	for (uint32_t twice = 0; twice < 2; twice++) {
		struct hr_code code = {.slot_first = twice * LINES, .slot_count = LINES};
		assert_int_equal(hrv_model_add_code(model, &code, infos, 2 * LINES, 1), 0);
	}
	for (uint32_t i = 0; i < 2 * LINES; i++)
		changes[i] = (struct hrv_slot_change){i, {i % LINES + 1, 1}};
	hrv_model_update(model, changes, 2 * LINES);
	lines = hrv_model_lines(model, &count);
	assert_int_equal(count, LINES);
	for (uint32_t i = 0; i < LINES; i++) {
		assert_int_equal(lines[i].line, i * 7 + 1);
		assert_int_equal(lines[i].hits, 2 * (i + 1));
	}
	free(infos);
	free(changes);
}

static void assert_sums(uint32_t expected_count)
{
	uint32_t count;
	const struct hrv_slot *slots = hrv_model_slots(model, &count);
	const uint64_t *sums = hrv_model_sums(model);

	assert_int_equal(count, expected_count);
	for (uint32_t first = 0; first < count; first += HRV_SLOT_BLOCK) {
		uint64_t sum = 0;
		for (uint32_t i = first; i < count && i < first + HRV_SLOT_BLOCK; i++)
			sum += slots[i].hits + slots[i].last_tick;
		assert_true(sums[first / HRV_SLOT_BLOCK] == sum);
	}
}

static void test_sums_are_those_of_the_slots(void **state)
{
	(void)state;
	assert_int_equal(add(0, 0, 10, 1, 0), 0);
	hit(0, 5, 3);
	hit(9, UINT64_MAX, 7); /* a sum may wrap */
	hit(0, 8, 4);
	assert_sums(10);
	assert_int_equal(add(1, 15, 6, 1, 0), 0);
	hit(9, 1, 9);
	hit(12, 100, 9); /* of no code object */
	hit(20, 2, 9);
	assert_sums(21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_line_is_the_sum_over_code_objects, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_only_what_changed_comes_again, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_another_file_starts_over, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_lines_of_every_file_come_by_file, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_new_lines_of_the_watched_file_come_by_themselves, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_slot_with_an_unknown_flag_is_no_count, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_counts_beyond_32_bits_are_exact, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_what_a_code_object_cannot_claim_is_corrupt, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_sums_are_those_of_the_slots, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_many_lines_are_found_again, setup, teardown),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
