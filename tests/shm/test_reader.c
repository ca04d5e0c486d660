/* test_reader.c — what the tracer's writer writes, a reader reads; what is not to be trusted, it refuses. */
#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "maker.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_string(struct hrv_reader *reader, struct hr_str str, const char *expected)
{
	struct hrv_buffer text = {0};

	assert_int_equal(hrv_reader_string(reader, str, &text), 0);
	assert_int_equal(hrv_buffer_append(&text, "", 1), 0);
	assert_string_equal(text.bytes, expected);
	hrv_buffer_fini(&text);
}

static uint32_t count_of(struct hrv_reader *reader, enum hr_kind kind)
{
	uint32_t count = 99;

	assert_int_equal(hrv_reader_count(reader, kind, &count), 0);
	return count;
}

static void test_reader_reads_what_was_written(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint32_t slot = 0, file = maker_file(segment, "/tmp/prog.py", HR_FILE_TRACED | HR_FILE_ON_DISK);
	uint32_t code = maker_code(segment, file, "main.<locals>.inner", 7, 3, &slot);
	const _Atomic uint64_t *tick = &hrt_segment_control(segment)->tick;
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	struct hr_file files[1];
	struct hr_code codes[1];
	struct hr_slot_info infos[3];
	struct hrv_slot slots[3];

	for (int i = 0; i < 1000; i++)
		hr_slot_hit(&hrt_segment_slots(segment)[slot + 1], tick);
	assert_int_equal(count_of(reader, HR_KIND_FILES), 1);
	assert_int_equal(count_of(reader, HR_KIND_CODES), 1);
	assert_int_equal(count_of(reader, HR_KIND_SLOTS), 3);
	assert_int_equal(count_of(reader, HR_KIND_SLOT_INFOS), 3);
	assert_int_equal(count_of(reader, HR_KIND_NOTES), 0);
	assert_int_equal(hrv_reader_files(reader, file, 1, files), 0);
	assert_string(reader, files[0].path, "/tmp/prog.py");
	assert_int_equal(files[0].flags, HR_FILE_TRACED | HR_FILE_ON_DISK);
	assert_int_equal(hrv_reader_codes(reader, code, 1, codes), 0);
	assert_string(reader, codes[0].qualname, "main.<locals>.inner");
	assert_int_equal(codes[0].slot_count, 3);
	assert_int_equal(hrv_reader_slot_infos(reader, slot, 3, infos), 0);
	assert_int_equal(infos[2].line, 9);
	assert_int_equal(maker_read_slots(reader, slot, 3, slots), 0);
	assert_int_equal(slots[0].hits, 0);
	assert_int_equal(slots[0].last_tick, HR_TICK_NEVER);
	assert_int_equal(slots[1].hits, 1000);
	assert_int_equal(slots[1].last_tick, hr_load64(tick));
	assert_string(reader, hrv_reader_header(reader)->name, "prog.py");
	assert_string(reader, hrv_reader_header(reader)->caller, "/tmp/prog.py");
	assert_int_equal(hrv_reader_header(reader)->argv.len_bytes, 15);
	hrv_reader_close(reader);
	maker_forget(segment);
}

/* What a viewer remembers of slots, and what it does with a change. */
struct remembered {
	struct hrv_slot slots[100];
	uint64_t sums[100 / HRV_SLOT_BLOCK];
};

static void remember(struct remembered *seen, const struct hrv_slot_change *change)
{
	struct hrv_slot *slot = &seen->slots[change->index];

	seen->sums[change->index / HRV_SLOT_BLOCK] +=
	        change->now.hits - slot->hits + change->now.last_tick - slot->last_tick;
	*slot = change->now;
}

static void test_reader_gives_only_slots_that_changed(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	_Atomic uint64_t *tick = &hrt_segment_control(segment)->tick;
	struct remembered seen = {0};
	struct hrv_slot_change changes[100];
	uint32_t count = 99;

	maker_code(segment, maker_file(segment, "/a.py", HR_FILE_TRACED), "f", 1, 99, NULL);
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	assert_int_equal(hrv_reader_slot_changes(reader, 0, 99, seen.slots, seen.sums, changes, &count), 0);
	assert_int_equal(count, 0);
	hr_slot_hit(&hrt_segment_slots(segment)[7], tick);
	hr_slot_hit(&hrt_segment_slots(segment)[98], tick); /* in the last block, which is no whole one */
	assert_int_equal(hrv_reader_slot_changes(reader, 4, 95, seen.slots + 4, seen.sums + 1, changes, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(changes[0].index, 7);
	assert_int_equal(changes[0].now.hits, 1);
	assert_int_equal(changes[1].index, 98);
	remember(&seen, &changes[0]);
	assert_int_equal(hrv_reader_slot_changes(reader, 0, 50, seen.slots, seen.sums, changes, &count), 0);
	assert_int_equal(count, 0);
	/* The tick alone: its store was seen later than that of the hit. */
	hr_put64(&hrt_segment_slots(segment)[7].last_tick, hr_load64(tick) + 1);
	assert_int_equal(hrv_reader_slot_changes(reader, 0, 50, seen.slots, seen.sums, changes, &count), 0);
	assert_int_equal(count, 1);
	assert_true(changes[0].index == 7 && changes[0].now.last_tick == hr_load64(tick) + 1);
	hrv_reader_close(reader);
	maker_forget(segment);
}

/* A later version's slots may be longer; many more than are looked at in one go. */
static void test_slots_are_compared_in_strides(void **state)
{
	(void)state;
	enum { COUNT = 10001 };
	const struct {
		size_t stride;
		uint32_t every;
	} cases[] = {{16, 1}, {16, 3}, {16, 4096}, {24, 1}, {24, 5}, {64, 997}};
	unsigned char *bytes = calloc(COUNT, 64);
	struct hrv_slot *seen = calloc(COUNT, sizeof *seen);
	uint64_t *sums = calloc(COUNT / HRV_SLOT_BLOCK + 1, sizeof *sums);
	struct hrv_slot_change *changed = calloc(COUNT, sizeof *changed);

	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		memset(bytes, 0, COUNT * cases[c].stride);
		for (uint32_t i = 0; i < COUNT; i += cases[c].every)
			hr_put64(&((struct hr_slot *)(bytes + i * cases[c].stride))->hits, i + 1);
		uint32_t count = hrv_slots_compare(bytes, cases[c].stride, 7, COUNT, seen, sums, changed);
		assert_int_equal(count, (COUNT - 1) / cases[c].every + 1);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(changed[i].index, 7 + i * cases[c].every);
			assert_int_equal(changed[i].now.hits, i * cases[c].every + 1);
		}
	}
	free(changed);
	free(sums);
	free(seen);
	free(bytes);
}

static void test_reader_gives_hits_beyond_32_bits(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	struct hr_slot *slots = hrt_segment_slots(segment);
	struct remembered seen = {0};
	struct hrv_slot_change changes[2];
	uint32_t count = 0;

	maker_code(segment, maker_file(segment, "/a.py", HR_FILE_TRACED), "f", 1, 2, NULL);
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	hr_count(&slots[0].hits, UINT32_MAX);
	for (int i = 0; i < 3; i++)
		hr_slot_hit(&slots[0], &hrt_segment_control(segment)->tick);
	assert_int_equal(hrv_reader_slot_changes(reader, 0, 2, seen.slots, seen.sums, changes, &count), 0);
	assert_int_equal(count, 1);
	assert_true(changes[0].now.hits == UINT64_C(0x100000002));
	remember(&seen, &changes[0]);
	hr_count(&slots[0].hits, UINT64_C(1) << 32); /* the lower half is the same */
	assert_int_equal(hrv_reader_slot_changes(reader, 0, 2, seen.slots, seen.sums, changes, &count), 0);
	assert_true(count == 1 && changes[0].now.hits == UINT64_C(0x200000002));
	hrv_reader_close(reader);
	maker_forget(segment);
}

static void test_reader_follows_notes_drops_and_the_end(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	struct hrv_status status;
	struct hr_note note;

	assert_int_equal(hrt_segment_put_note(segment, HR_NOTE_TAKEN_OVER, maker_text("by pdb")), 0);
	hrt_segment_drop(segment, HR_DROP_HITS, 42);
	hrt_segment_close(segment, HR_END_STOPPED);
	assert_int_equal(count_of(reader, HR_KIND_NOTES), 1);
	assert_int_equal(hrv_reader_notes(reader, 0, 1, &note), 0);
	assert_int_equal(note.kind, HR_NOTE_TAKEN_OVER);
	assert_string(reader, note.text, "by pdb");
	assert_int_equal(hrv_reader_status(reader, &status), 0);
	assert_int_equal(status.drops[HR_DROP_HITS], 42);
	assert_int_equal(status.end, HR_END_STOPPED);
	assert_true(status.end_realtime_ns >= hrv_reader_header(reader)->start_realtime_ns);
	hrv_reader_close(reader);
	maker_forget(segment);
}

static void test_reader_copies_the_newest_stack(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	struct hr_row *row = hrt_segment_take_row(segment, HR_KIND_THREADS, 11, 22);
	struct hrt_frame frames[2] = {{0, 1, 1, 0, 5}, {1, 20, HR_INDEX_NONE, HR_INDEX_NONE, HR_INDEX_NONE}};
	static struct hrv_row copy;

	assert_non_null(row);
	assert_int_equal(count_of(reader, HR_KIND_THREADS), 1);
	assert_int_equal(hrv_reader_row(reader, HR_KIND_THREADS, 0, &copy), HR_EGONE); /* no stack yet */
	for (uint32_t i = 1; i <= 9; i++) {
		frames[0].line = i;
		struct hrt_stack stack = {.name = "worker \xC3\xA9",
		                          .name_bytes = 9,
		                          .since_tick = i,
		                          .depth = 300 + i,
		                          .frame_count = 2,
		                          .elided_at = 1,
		                          .run_state = HR_RUN_RUNNING,
		                          .frames = frames};
		hrt_segment_put_stack(segment, HR_KIND_THREADS, row, &stack);
	}
	assert_int_equal(hrv_reader_row(reader, HR_KIND_THREADS, 0, &copy), 0);
	assert_int_equal(copy.ident, 11);
	assert_int_equal(copy.native_id, 22);
	assert_int_equal(copy.seq, 9);
	assert_int_equal(copy.depth, 309);
	assert_int_equal(copy.frame_count, 2);
	assert_int_equal(copy.elided_at, 1);
	assert_int_equal(copy.frames[0].line, 9);
	assert_int_equal(copy.frames[1].col, HR_INDEX_NONE);
	assert_string_equal(copy.name, "worker \xC3\xA9");
	hr_row_give_back(row);
	assert_int_equal(hrv_reader_row(reader, HR_KIND_THREADS, 0, &copy), HR_EGONE);
	hrv_reader_close(reader);
	maker_forget(segment);
}

static void test_reader_strides_over_what_a_later_minor_version_appends(void **state)
{
	(void)state;
	static struct handmade made;
	static struct hrv_row row;
	struct maker_place place;
	struct hrv_reader *reader = NULL;
	struct hrv_slot slots[8];
	struct hr_code codes[3];
	char why[HRV_WHY_BYTES] = "";

	handmade_build(&made, 24);
	maker_place_init(&place, made.bytes, made.len_bytes);
	assert_int_equal(hrv_reader_open(place.dir_fd, place.file_name, &reader, why), 0);
	assert_int_equal(maker_read_slots(reader, 0, 8, slots), 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(slots[i].hits, 100 + i);
	assert_int_equal(hrv_reader_codes(reader, 0, 3, codes), 0);
	assert_int_equal(codes[2].slot_first, 5);
	assert_string(reader, codes[2].qualname, "function");
	assert_int_equal(hrv_reader_row(reader, HR_KIND_THREADS, 0, &row), 0);
	assert_int_equal(row.frame_count, 3);
	assert_int_equal(row.frames[2].line, 21);
	hrv_reader_close(reader);
	maker_place_fini(&place);
}

/* Opens the handmade segment as `bytes` now are. */
static int open_again(struct maker_place *place, const struct handmade *made, char why[HRV_WHY_BYTES])
{
	struct hrv_reader *reader = NULL;

	assert_int_equal(pwrite(place->fd, made->bytes, made->len_bytes, 0), made->len_bytes);
	why[0] = '\0';
	int err = hrv_reader_open(place->dir_fd, place->file_name, &reader, why);
	assert_int_equal(reader != NULL, err == 0);
	assert_int_equal(why[0] != '\0', err != 0);
	hrv_reader_close(reader);
	return err;
}

static void test_reader_refuses_another_layout_and_names_both(void **state)
{
	(void)state;
	static struct handmade made;
	struct maker_place place;
	char why[HRV_WHY_BYTES];

	handmade_build(&made, 0);
	maker_place_init(&place, made.bytes, made.len_bytes);
	assert_int_equal(open_again(&place, &made, why), 0);
	handmade_header(&made)->major = 7;
	handmade_header(&made)->minor = 3;
	assert_int_equal(open_again(&place, &made, why), HR_EVERSION);
	assert_non_null(strstr(why, "layout 7.3"));
	assert_non_null(strstr(why, "layout 1"));
	maker_place_fini(&place);
}

static void test_reader_waits_for_a_segment_that_is_being_filled(void **state)
{
	(void)state;
	static struct handmade made;
	struct maker_place place;
	char why[HRV_WHY_BYTES];

	handmade_build(&made, 0);
	maker_place_init(&place, made.bytes, made.len_bytes);
	hr_put32(&handmade_control(&made)->state, HR_STATE_INIT);
	assert_int_equal(open_again(&place, &made, why), HR_EAGAIN);
	hr_put32(&handmade_control(&made)->state, 17);
	assert_int_equal(open_again(&place, &made, why), HR_ECORRUPT);
	maker_place_fini(&place);
}

static void test_reader_refuses_a_name_that_lies(void **state)
{
	(void)state;
	static struct handmade made;
	struct maker_place place;
	char why[HRV_WHY_BYTES];

	handmade_build(&made, 0);
	maker_place_init(&place, made.bytes, made.len_bytes);
	handmade_header(&made)->pid++;
	assert_int_equal(open_again(&place, &made, why), HR_ECORRUPT);
	handmade_build(&made, 0);
	handmade_header(&made)->instance++;
	assert_int_equal(open_again(&place, &made, why), HR_ECORRUPT);
	handmade_build(&made, 0);
	handmade_header(&made)->uid++;
	assert_int_equal(open_again(&place, &made, why), HR_ECORRUPT);
	maker_place_fini(&place);
}

static void test_reader_refuses_files_that_others_could_have_planted(void **state)
{
	(void)state;
	static struct handmade made;
	struct maker_place place;
	struct hrv_reader *reader = NULL;
	char why[HRV_WHY_BYTES];

	handmade_build(&made, 0);
	maker_place_init(&place, made.bytes, made.len_bytes);
	assert_int_equal(fchmod(place.fd, 0620), 0);
	assert_int_equal(open_again(&place, &made, why), HR_EPERM);
	assert_int_equal(fchmod(place.fd, 0602), 0);
	assert_int_equal(open_again(&place, &made, why), HR_EPERM);
	assert_int_equal(fchmod(place.fd, 0600), 0);
	assert_int_equal(open_again(&place, &made, why), 0);

	/* A link to a good one, a directory, a FIFO, nothing. */
	assert_int_equal(symlinkat(place.file_name, place.dir_fd, "link"), 0);
	assert_int_equal(hrv_reader_open(place.dir_fd, "link", &reader, why), HR_EPERM);
	assert_int_equal(unlinkat(place.dir_fd, "link", 0), 0);
	assert_int_equal(mkdirat(place.dir_fd, "link", 0700), 0);
	assert_int_equal(hrv_reader_open(place.dir_fd, "link", &reader, why), HR_EPERM);
	assert_int_equal(unlinkat(place.dir_fd, "link", AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(place.dir_fd, "link", 0600), 0);
	assert_int_equal(hrv_reader_open(place.dir_fd, "link", &reader, why), HR_EPERM);
	assert_int_equal(unlinkat(place.dir_fd, "link", 0), 0);
	assert_int_equal(hrv_reader_open(place.dir_fd, "link", &reader, why), HR_EGONE);
	maker_place_fini(&place);
}

static void test_reader_survives_truncation_under_its_mapping(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint32_t file = maker_file(segment, "/tmp/prog.py", HR_FILE_TRACED);
	static struct hrv_slot slots[5000];
	static struct hrv_row row;
	struct hrv_status status;
	struct hrv_buffer text = {0};
	uint32_t count;
	char path[128];

	maker_code(segment, file, "f", 1, 5000, NULL);
	hrt_segment_take_row(segment, HR_KIND_THREADS, 1, 1);
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	assert_int_equal(maker_read_slots(reader, 0, 5000, slots), 0);
	snprintf(path, sizeof path, HR_SHM_DIR "/%s", hrt_segment_name(segment));
	assert_int_equal(truncate(path, 4096), 0);
	assert_int_equal(maker_read_slots(reader, 0, 5000, slots), HR_ECORRUPT);
	assert_int_not_equal(hrv_reader_why(reader)[0], '\0');
	assert_int_equal(hrv_reader_row(reader, HR_KIND_THREADS, 0, &row), HR_ECORRUPT);
	assert_int_equal(hrv_reader_string(reader, hrv_reader_header(reader)->name, &text), HR_ECORRUPT);
	assert_int_equal(hrv_reader_status(reader, &status), 0); /* the first page is still there */
	assert_int_equal(hrv_reader_life(reader), HRV_CORRUPT);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(hrv_reader_status(reader, &status), HR_ECORRUPT);
	assert_int_equal(hrv_reader_count(reader, HR_KIND_SLOTS, &count), HR_ECORRUPT);
	assert_int_equal(hrv_reader_life(reader), HRV_CORRUPT);
	hrv_buffer_fini(&text);
	hrv_reader_close(reader);
	maker_forget(segment);
}

static void test_reader_copies_nothing_beyond_a_section(void **state)
{
	(void)state;
	static struct handmade made;
	struct maker_place place;
	struct hrv_reader *reader = NULL;
	struct hrv_slot slots[32];
	struct hr_file files[8];
	static struct hrv_row row;
	uint64_t generation, published;
	char why[HRV_WHY_BYTES];

	handmade_build(&made, 0);
	maker_place_init(&place, made.bytes, made.len_bytes);
	assert_int_equal(hrv_reader_open(place.dir_fd, place.file_name, &reader, why), 0);
	assert_int_equal(maker_read_slots(reader, 0, 17, slots), HR_EARG);
	assert_int_equal(maker_read_slots(reader, UINT32_MAX, 2, slots), HR_EARG);
	assert_int_equal(hrv_reader_files(reader, 4, 1, files), HR_EARG);
	assert_int_equal(hrv_reader_row(reader, HR_KIND_THREADS, 2, &row), HR_EARG);
	assert_int_equal(hrv_reader_row_mark(reader, HR_KIND_TASKS, 2, &generation, &published), HR_EARG);
	hrv_reader_close(reader);
	maker_place_fini(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_reader_reads_what_was_written),
	        cmocka_unit_test(test_reader_gives_only_slots_that_changed),
	        cmocka_unit_test(test_slots_are_compared_in_strides),
	        cmocka_unit_test(test_reader_gives_hits_beyond_32_bits),
	        cmocka_unit_test(test_reader_follows_notes_drops_and_the_end),
	        cmocka_unit_test(test_reader_copies_the_newest_stack),
	        cmocka_unit_test(test_reader_strides_over_what_a_later_minor_version_appends),
	        cmocka_unit_test(test_reader_refuses_another_layout_and_names_both),
	        cmocka_unit_test(test_reader_waits_for_a_segment_that_is_being_filled),
	        cmocka_unit_test(test_reader_refuses_a_name_that_lies),
	        cmocka_unit_test(test_reader_refuses_files_that_others_could_have_planted),
	        cmocka_unit_test(test_reader_survives_truncation_under_its_mapping),
	        cmocka_unit_test(test_reader_copies_nothing_beyond_a_section),
	};
	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
