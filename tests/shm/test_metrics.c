/* test_metrics.c — what Prometheus is told: exact counters that never go down, and few series for ever. */
#include "hr_atomic.h"
#include "maker.h"
#include "metrics.h"
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Scrapes of this process's segments alone. */
struct scraper {
	struct hrv_metrics *metrics;
	struct hrv_catalog catalog;
	struct hrv_buffer text;
	char pid[16];
	uint64_t now_ms;
};

static void scraper_init(struct scraper *scraper)
{
	*scraper = (struct scraper){.now_ms = 1};
	snprintf(scraper->pid, sizeof scraper->pid, "%d", (int)getpid());
	assert_int_equal(hrv_metrics_new(&scraper->metrics), 0);
}

static void scraper_fini(struct scraper *scraper)
{
	hrv_metrics_free(scraper->metrics);
	hrv_catalog_fini(&scraper->catalog);
	hrv_buffer_fini(&scraper->text);
}

static const char *scrape(struct scraper *scraper, uint64_t passed_ms)
{
	const struct hrv_metrics_viewer viewer = {.pages = 1};

	scraper->now_ms += passed_ms;
	scraper->text.len_bytes = 0;
	assert_int_equal(hrv_catalog_refresh(&scraper->catalog), 0);
	assert_int_equal(hrv_metrics_update(scraper->metrics, &scraper->catalog, scraper->pid, scraper->now_ms), 0);
	assert_int_equal(hrv_metrics_text(scraper->metrics, &viewer, true, &scraper->text), 0);
	assert_int_equal(hrv_buffer_append(&scraper->text, "", 1), 0);
	return scraper->text.bytes;
}

/* The value of a series, -1 when there is none. */
static int64_t value_of(const char *text, const char *series)
{
	size_t len = strlen(series);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, series, len) == 0 && line[len] == ' ')
			return strtoll(line + len, NULL, 10);
	}
	return -1;
}

static void hit(struct hrt_segment *segment, uint32_t slot, int times)
{
	for (int i = 0; i < times; i++)
		hr_slot_hit(&hrt_segment_slots(segment)[slot], &hrt_segment_control(segment)->tick);
}

static void test_counters_are_exact_and_add_up_by_name(void **state)
{
	(void)state;
	struct scraper scraper;
	struct hrt_segment *one = maker_segment("worker"), *two = maker_segment("worker"),
	                   *odd = maker_segment("a\"\\\nb");
	uint32_t slot, slot_two, slot_odd;

	scraper_init(&scraper);
	maker_code(one, maker_file(one, "/w.py", HR_FILE_TRACED), "f", 10, 2, &slot);
	maker_code(two, maker_file(two, "/w.py", HR_FILE_TRACED), "f", 10, 2, &slot_two);
	maker_code(odd, maker_file(odd, "/\xFF", HR_FILE_TRACED), "f", 1, 1, &slot_odd);
	hit(one, slot, 3);
	hit(two, slot_two, 4);
	hit(odd, slot_odd, 1);
	const char *text = scrape(&scraper, 0);
	assert_int_equal(value_of(text, "heartrate_shm_programs{state=\"live\"}"), 3);
	assert_int_equal(value_of(text, "heartrate_shm_instances{program=\"worker\"}"), 2);
	assert_int_equal(value_of(text, "heartrate_shm_hits_total{program=\"worker\"}"), 7);
	assert_int_equal(value_of(text, "heartrate_shm_file_hits_total{program=\"worker\",file=\"/w.py\"}"), 7);
	assert_int_equal(value_of(text, "heartrate_shm_line_hits_total{program=\"worker\",file=\"/w.py\",line=\"10\"}"),
	                 7);
	assert_int_equal(value_of(text, "heartrate_shm_line_hits_total{program=\"worker\",file=\"/w.py\",line=\"11\"}"),
	                 -1);
	assert_int_equal(value_of(text, "heartrate_shm_file_hits_total{program=\"worker\",file=\"(other)\"}"), 0);
	assert_int_equal(
	        value_of(text, "heartrate_shm_file_hits_total{program=\"a\\\"\\\\\\nb\",file=\"/\xEF\xBF\xBD\"}"), 1);
	assert_string_equal(text + strlen(text) - 6, "# EOF\n");

	/* A worker goes: what it has counted stays. */
	hit(two, slot_two, 5);
	scrape(&scraper, 15000);
	maker_forget(two);
	hit(one, slot, 1);
	hit(one, slot + 1, 2);
	text = scrape(&scraper, 15000);
	assert_int_equal(value_of(text, "heartrate_shm_hits_total{program=\"worker\"}"), 15);
	assert_int_equal(value_of(text, "heartrate_shm_line_hits_total{program=\"worker\",file=\"/w.py\",line=\"10\"}"),
	                 13);
	assert_int_equal(value_of(text, "heartrate_shm_line_hits_total{program=\"worker\",file=\"/w.py\",line=\"11\"}"),
	                 2);
	assert_int_equal(value_of(text, "heartrate_shm_instances{program=\"worker\"}"), 1);
	maker_forget(one);
	maker_forget(odd);
	scraper_fini(&scraper);
}

/* ---- an hour ---- */

#define LIVING 12 /* programs at a time */
#define FILES  30 /* of each */
#define LINES  40 /* of each file */

/* A series that has been seen. */
struct series {
	char *name;
	int64_t value;
	int scrape; /* the last that had it */
};

struct memory {
	struct series *items;
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct series *)a)->name, ((const struct series *)b)->name);
}

/* Takes in all series of a scrape. A counter that was there the last time is not lower now. */
static void remember(struct memory *memory, const char *text, int number)
{
	size_t known = memory->count;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		if (*line == '#')
			continue;
		const char *end = strchr(line, '\n');
		while (*end != ' ')
			end--;
		struct series one = {strndup(line, (size_t)(end - line)), strtoll(end, NULL, 10), number};
		assert_non_null(one.name);
		struct series *before = known == 0 ? NULL : bsearch(&one, memory->items, known, sizeof one, by_name);
		if (!before) {
			memory->items = realloc(memory->items, (memory->count + 1) * sizeof one);
			assert_non_null(memory->items);
			memory->items[memory->count++] = one;
			continue;
		}
		if (strstr(one.name, "_total") && before->scrape == number - 1 && one.value < before->value)
			fail_msg("%s went from %" PRId64 " to %" PRId64, one.name, before->value, one.value);
		before->value = one.value;
		before->scrape = number;
		free(one.name);
	}
	qsort(memory->items, memory->count, sizeof *memory->items, by_name);
}

static void forget(struct memory *memory)
{
	for (size_t i = 0; i < memory->count; i++)
		free(memory->items[i].name);
	free(memory->items);
	*memory = (struct memory){0};
}

static struct hrt_segment *busy_program(int number, uint32_t *slot)
{
	char name[32], path[64];
	struct hrt_segment *segment;

	snprintf(name, sizeof name, "job-%d", number);
	segment = maker_segment(name);
	for (int file = 0; file < FILES; file++) {
		uint32_t first;
		snprintf(path, sizeof path, "/srv/%d/%d.py", number, file);
		maker_code(segment, maker_file(segment, path, HR_FILE_TRACED), "f", 1, LINES, &first);
		if (file == 0)
			*slot = first;
	}
	return segment;
}

/* Programs of ever new names come and go, and in each scrape other lines are hot: three hours of it, each hour of which
 * has its few series. */
static void test_an_hour_has_few_series(void **state)
{
	(void)state;
	struct scraper scraper;
	struct memory memory = {0};
	struct hrt_segment *programs[LIVING];
	uint32_t slots[LIVING];
	int next = 0;

	scraper_init(&scraper);
	for (; next < LIVING; next++)
		programs[next] = busy_program(next, &slots[next]);
	for (int number = 0; number < 3 * 240; number++) {
		for (int i = 0; i < LIVING; i++)
			for (int n = 0; n < 12; n++)
				hit(programs[i], slots[i] + (uint32_t)(number * 37 + n * 97 + i * 11) % (FILES * LINES),
				    number % 13 + 1);
		remember(&memory, scrape(&scraper, 15000), number);
		if (number % 240 == 239) {
			print_message("series in an hour: %zu\n", memory.count);
			check_in_range(memory.count, 100, HRV_METRICS_SERIES_MAX);
			forget(&memory);
		}
		if (number % 5 == 4) {
			int i = next % LIVING;
			maker_forget(programs[i]);
			programs[i] = busy_program(next++, &slots[i]);
		}
	}
	for (int i = 0; i < LIVING; i++)
		maker_forget(programs[i]);
	scraper_fini(&scraper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_counters_are_exact_and_add_up_by_name),
	        cmocka_unit_test(test_an_hour_has_few_series),
	};
	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
