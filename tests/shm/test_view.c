/* test_view.c — what one viewer is sent: everything once, then what is new; from several threads at once. */
#define _GNU_SOURCE /* memmem */
#include "hr_atomic.h"
#include "hr_err.h"
#include "maker.h"
#include "test.h"
#include "view.h"

#include <inttypes.h>
#include <msgpack.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An answer, decoded. */
struct answer {
	struct hrv_buffer frame;
	msgpack_unpacked unpacked;
};

static const msgpack_object *get(const msgpack_object *map, const char *key)
{
	if (!map || map->type != MSGPACK_OBJECT_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->via.map.size; i++) {
		const msgpack_object_kv *kv = &map->via.map.ptr[i];
		if (kv->key.via.str.size == strlen(key) && memcmp(kv->key.via.str.ptr, key, strlen(key)) == 0)
			return &kv->val;
	}
	return NULL;
}

/* The program's part of the answer; valid until the next ask(). */
static const msgpack_object *answer_to(struct hrv_view *view, struct answer *answer,
                                       const struct hrv_wire_request *request)
{
	size_t end = 0;

	assert_int_equal(hrv_view_answer(view, request, &answer->frame), 0);
	msgpack_unpacked_destroy(&answer->unpacked);
	msgpack_unpacked_init(&answer->unpacked);
	assert_int_equal(msgpack_unpack_next(&answer->unpacked, answer->frame.bytes, answer->frame.len_bytes, &end),
	                 MSGPACK_UNPACK_SUCCESS);
	assert_int_equal(end, answer->frame.len_bytes);
	return get(&answer->unpacked.data, "program");
}

static const msgpack_object *ask(struct hrv_view *view, struct answer *answer, uint64_t program, uint32_t file,
                                 bool full)
{
	struct hrv_wire_request request = {.full = full, .file = file, .program = program};

	return answer_to(view, answer, &request);
}

static void answer_fini(struct answer *answer)
{
	msgpack_unpacked_destroy(&answer->unpacked);
	hrv_buffer_fini(&answer->frame);
}

static bool is_true(const msgpack_object *object)
{
	return object && object->type == MSGPACK_OBJECT_BOOLEAN && object->via.boolean;
}

/* Of flat triples: the second number of `which`, -1 when it is not there. */
static int64_t hits_of(const msgpack_object *triples, uint64_t which)
{
	assert_non_null(triples);
	for (uint32_t i = 0; i + 2 < triples->via.array.size; i += 3)
		if (triples->via.array.ptr[i].via.u64 == which)
			return (int64_t)triples->via.array.ptr[i + 1].via.u64;
	return -1;
}

/* Elements in use of a table, which has room for more. */
static int64_t used_of(const msgpack_object *program, const char *table)
{
	const msgpack_object *pair = get(get(program, "tables"), table);

	assert_non_null(pair);
	assert_true(pair->via.array.ptr[1].via.u64 > pair->via.array.ptr[0].via.u64);
	return (int64_t)pair->via.array.ptr[0].via.u64;
}

static uint32_t length_of(const msgpack_object *array)
{
	return array ? array->via.array.size : 0;
}

static void hit(struct hrt_segment *segment, uint32_t slot, int times)
{
	while (times-- > 0)
		hr_slot_hit(&hrt_segment_slots(segment)[slot], &hrt_segment_control(segment)->tick);
}

static void test_everything_once_and_then_what_is_new(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t file = maker_file(segment, "/no/such/prog.py", HR_FILE_TRACED | HR_FILE_ON_DISK), slot;
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	maker_code(segment, file, "f", 10, 3, &slot);
	hit(segment, slot + 1, 5);
	assert_int_equal(hrt_segment_put_note(segment, HR_NOTE_TROUBLE, maker_text("oh")), 0);
	hrt_segment_drop(segment, HR_DROP_FILES, 3);
	assert_int_equal(hrv_view_new(NULL, &view), 0);

	const msgpack_object *program = ask(view, &answer, id, file, false);
	assert_true(is_true(get(program, "full")));
	assert_int_equal(length_of(get(program, "files")), 1);
	assert_true(is_true(get(&get(program, "files")->via.array.ptr[0], "changed"))); /* it is not there */
	assert_int_equal(hits_of(get(program, "totals"), file), 5);
	assert_true(is_true(get(program, "linesFull")));
	assert_int_equal(length_of(get(program, "lines")), 9);
	assert_int_equal(hits_of(get(program, "lines"), 10), 0);
	assert_int_equal(hits_of(get(program, "lines"), 11), 5);
	assert_int_equal(length_of(get(program, "notes")), 1);
	assert_int_equal(get(get(program, "drops"), "files")->via.u64, 3);
	assert_non_null(get(program, "threads"));
	assert_int_equal(used_of(program, "files"), 1);
	assert_int_equal(used_of(program, "slots"), 3);
	assert_int_equal(used_of(program, "notes"), 1);
	assert_int_equal(used_of(program, "threads"), 0);
	assert_non_null(get(get(&answer.unpacked.data, "viewer"), "cpu_ms"));

	program = ask(view, &answer, id, file, false);
	assert_false(is_true(get(program, "full")));
	assert_int_equal(length_of(get(program, "lines")), 0);
	assert_null(get(program, "files"));
	assert_null(get(program, "totals"));
	assert_null(get(program, "notes"));
	assert_null(get(program, "drops"));
	assert_null(get(program, "tables"));
	assert_null(get(program, "threads"));

	hit(segment, slot + 2, 2);
	program = ask(view, &answer, id, file, false);
	assert_int_equal(length_of(get(program, "lines")), 3);
	assert_int_equal(hits_of(get(program, "lines"), 12), 2);
	assert_int_equal(hits_of(get(program, "totals"), file), 7);

	program = ask(view, &answer, id, file, true);
	assert_true(is_true(get(program, "full")));
	assert_int_equal(length_of(get(program, "lines")), 9);
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

static void test_lines_of_every_file_come_when_all_are_wanted(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t first = maker_file(segment, "/prog.py", HR_FILE_TRACED), slot;
	uint32_t second = maker_file(segment, "/other.py", HR_FILE_TRACED), other_slot;
	struct hrv_wire_request request = {.all = true, .file = first, .program = id};
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	maker_code(segment, first, "f", 10, 3, &slot);
	maker_code(segment, second, "g", 1, 2, &other_slot);
	hit(segment, other_slot, 5);
	assert_int_equal(hrv_view_new(NULL, &view), 0);
	const msgpack_object *program = answer_to(view, &answer, &request);
	assert_true(is_true(get(program, "full")));
	assert_null(get(program, "file"));
	assert_null(get(program, "linesFull"));
	assert_null(get(program, "lines"));
	const msgpack_object *lines = get(program, "linesOf");
	assert_int_equal(length_of(lines), 2);
	const msgpack_object *entry = lines->via.array.ptr[1].via.array.ptr;
	assert_int_equal(lines->via.array.ptr[1].via.array.size, 3);
	assert_int_equal(entry[0].via.u64, second);
	assert_true(is_true(&entry[1]));
	assert_int_equal(length_of(&entry[2]), 6);
	assert_int_equal(hits_of(&entry[2], 1), 5);

	assert_null(get(answer_to(view, &answer, &request), "linesOf"));
	hit(segment, slot + 1, 2);
	request.file = second; /* another file is shown: its lines are there already */
	lines = get(answer_to(view, &answer, &request), "linesOf");
	assert_int_equal(length_of(lines), 1);
	entry = lines->via.array.ptr[0].via.array.ptr;
	assert_int_equal(entry[0].via.u64, first);
	assert_false(is_true(&entry[1]));
	assert_int_equal(length_of(&entry[2]), 3);
	assert_int_equal(hits_of(&entry[2], 11), 2);

	/* Of one file again, then of all again: from the start each time. */
	program = ask(view, &answer, id, second, false);
	assert_true(is_true(get(program, "linesFull")));
	assert_int_equal(length_of(get(program, "lines")), 6);
	lines = get(answer_to(view, &answer, &request), "linesOf");
	assert_int_equal(length_of(lines), 2);
	assert_true(is_true(&lines->via.array.ptr[0].via.array.ptr[1]));
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

/* Of the pulse in `answer`: the triple of program `id`; NULL when it is not there. */
static const msgpack_object *pulse_of(const struct answer *answer, uint64_t id)
{
	const msgpack_object *pulse = get(&answer->unpacked.data, "pulse");
	char digits[17];

	assert_non_null(pulse);
	snprintf(digits, sizeof digits, "%016" PRIx64, id);
	for (uint32_t i = 0; i + 2 < pulse->via.array.size; i += 3)
		if (memcmp(pulse->via.array.ptr[i].via.str.ptr, digits, 16) == 0)
			return &pulse->via.array.ptr[i];
	return NULL;
}

static void test_pulse_is_told_while_no_program_is_asked_for(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t file = maker_file(segment, "/prog.py", HR_FILE_TRACED), slot;
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	maker_code(segment, file, "f", 1, 2000, &slot);
	hit(segment, slot, 5);
	hit(segment, slot + 1999, 7);
	assert_int_equal(hrv_view_new(NULL, &view), 0);
	assert_null(ask(view, &answer, 0, HR_INDEX_NONE, true));
	const msgpack_object *pulse = pulse_of(&answer, id);
	assert_non_null(pulse);
	assert_int_equal(pulse[1].via.u64, 12);
	assert_int_equal(pulse[2].via.u64, 0);

	struct hr_row *row = hrt_segment_take_row(segment, HR_KIND_THREADS, 5, 6);
	hrt_segment_put_stack(segment, HR_KIND_THREADS, row, &(struct hrt_stack){.name = "t", .name_bytes = 1});
	hit(segment, slot + 700, 30);
	assert_null(ask(view, &answer, 0, HR_INDEX_NONE, true));
	pulse = pulse_of(&answer, id);
	assert_int_equal(pulse[1].via.u64, 42);
	assert_int_equal(pulse[2].via.u64, 1);

	assert_non_null(ask(view, &answer, id, file, true));
	assert_null(get(&answer.unpacked.data, "pulse"));
	hr_row_give_back(row);
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

static void test_stack_names_files_and_functions(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t file = maker_file(segment, "/prog.py", HR_FILE_TRACED);
	uint32_t code = maker_code(segment, file, "Klass.method", 10, 3, NULL);
	struct hr_row *row = hrt_segment_take_row(segment, HR_KIND_THREADS, 5, 6);
	const struct hrt_frame frames[] = {{code, 11, 11, 4, 9},
	                                   {HR_INDEX_NONE, 3, HR_INDEX_NONE, HR_INDEX_NONE, HR_INDEX_NONE},
	                                   {9999, 1, 1, 1, 1}};
	struct hrt_stack stack = {
	        .name = "t", .name_bytes = 1, .depth = 3, .frame_count = 3, .elided_at = 3, .frames = frames};
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	hrt_segment_put_stack(segment, HR_KIND_THREADS, row, &stack);
	assert_int_equal(hrv_view_new(NULL, &view), 0);
	const msgpack_object *threads = get(ask(view, &answer, id, HR_INDEX_NONE, false), "threads");
	assert_int_equal(length_of(threads), 1);
	const msgpack_object *sent = get(&threads->via.array.ptr[0], "frames");
	assert_int_equal(length_of(sent), 3);
	const msgpack_object *known = sent->via.array.ptr[0].via.array.ptr,
	                     *unknown = sent->via.array.ptr[1].via.array.ptr;
	assert_int_equal(known[0].via.u64, file);
	assert_memory_equal(known[1].via.str.ptr, "Klass.method", 12);
	assert_int_equal(known[4].via.u64, 4);
	assert_int_equal(used_of(get(&answer.unpacked.data, "program"), "threads"), 1);
	assert_int_equal(unknown[0].via.i64, -1);
	assert_int_equal(unknown[1].via.str.size, 0);
	assert_int_equal(unknown[5].via.i64, -1);

	/* The sampler looks again and finds the same: nothing to send. */
	hrt_segment_advance_tick(segment);
	hrt_segment_put_stack(segment, HR_KIND_THREADS, row, &stack);
	assert_null(get(ask(view, &answer, id, HR_INDEX_NONE, false), "threads"));
	hr_row_give_back(row);
	threads = get(ask(view, &answer, id, HR_INDEX_NONE, false), "threads");
	assert_non_null(threads);
	assert_int_equal(length_of(threads), 0);
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

/* More lines than a frame holds come in several, each once, and full is the first alone. */
static void test_what_is_too_much_for_a_frame_comes_with_the_next(void **state)
{
	(void)state;
	enum { CODES = 6, LINES = 50000 };
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t file = maker_file(segment, "/prog.py", HR_FILE_TRACED), slot;
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;
	uint32_t seen = 0, frames = 0;

	for (uint32_t i = 0; i < CODES; i++)
		maker_code(segment, file, "f", 1 + i * LINES, LINES, &slot);
	assert_int_equal(hrv_view_new(NULL, &view), 0);
	for (bool more = true; more; frames++) {
		const msgpack_object *detail = ask(view, &answer, id, file, false);
		const msgpack_object *lines = get(detail, "lines");
		assert_true(answer.frame.len_bytes < HRV_WIRE_FRAME_MAX_BYTES + 65536);
		assert_int_equal(get(detail, "full")->via.boolean, frames == 0);
		assert_int_equal(get(detail, "linesFull")->via.boolean, frames == 0);
		for (uint32_t i = 0; i < lines->via.array.size; i += 3)
			assert_int_equal(lines->via.array.ptr[i].via.u64, ++seen);
		more = get(&answer.unpacked.data, "more") != NULL;
	}
	assert_int_equal(seen, CODES * LINES);
	check_in_range(frames, 2, 4);
	assert_int_equal(length_of(get(ask(view, &answer, id, file, false), "lines")), 0);
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

static void test_stacks_that_are_too_much_lose_their_middle(void **state)
{
	(void)state;
	enum { THREADS = 20, FRAMES = 100, NAME = 2000 };
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t file = maker_file(segment, "/prog.py", HR_FILE_TRACED);
	struct hrt_frame frames[FRAMES];
	char name[NAME + 1];
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	memset(name, 'x', NAME);
	name[NAME] = '\0';
	uint32_t code = maker_code(segment, file, name, 1, 3, NULL);
	for (uint32_t i = 0; i < FRAMES; i++)
		frames[i] = (struct hrt_frame){code, i, i, 0, 1};
	for (uint64_t i = 0; i < THREADS; i++)
		hrt_segment_put_stack(segment, HR_KIND_THREADS,
		                      hrt_segment_take_row(segment, HR_KIND_THREADS, i + 1, i + 1),
		                      &(struct hrt_stack){.name = "t",
		                                          .name_bytes = 1,
		                                          .depth = FRAMES,
		                                          .frame_count = FRAMES,
		                                          .elided_at = FRAMES,
		                                          .frames = frames});
	assert_int_equal(hrv_view_new(NULL, &view), 0);
	const msgpack_object *threads = get(ask(view, &answer, id, HR_INDEX_NONE, false), "threads");
	assert_int_equal(length_of(threads), THREADS);
	assert_true(answer.frame.len_bytes < 3 << 19);
	for (uint32_t i = 0; i < THREADS; i++) {
		const msgpack_object *thread = &threads->via.array.ptr[i], *kept = get(thread, "frames");
		uint32_t count = length_of(kept), outer = (uint32_t)get(thread, "elided_at")->via.u64;
		check_in_range(count, 8, FRAMES - 1);
		assert_int_equal(get(thread, "depth")->via.u64, FRAMES);
		assert_int_equal(outer, (count + 1) / 2);
		for (uint32_t n = 0; n < count; n++)
			assert_int_equal(kept->via.array.ptr[n].via.array.ptr[2].via.u64,
			                 n < outer ? n : FRAMES - count + n);
	}
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

static void test_program_that_is_corrupt_inside_is_condemned(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint64_t id = hrt_segment_header(segment)->instance;
	uint32_t file = maker_file(segment, "/prog.py", HR_FILE_TRACED);
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;
	struct hr_code bad = {.file = 77, .slot_count = 0};
	uint32_t line = 1, index;

	maker_code(segment, file, "f", 10, 3, NULL);
	assert_int_equal(hrv_view_new(NULL, &view), 0);
	assert_non_null(get(ask(view, &answer, id, file, false), "lines"));
	assert_int_equal(hrt_segment_put_code(segment, &bad, &line, 1, 0, &index), 0); /* of a file that is not there */
	const msgpack_object *program = ask(view, &answer, id, file, false);
	assert_true(is_true(get(program, "full")));
	assert_null(get(program, "lines"));
	const msgpack_object *programs = get(&answer.unpacked.data, "programs");
	assert_non_null(programs);
	bool said = false;
	for (uint32_t i = 0; i < programs->via.array.size; i++) {
		const msgpack_object *entry = &programs->via.array.ptr[i], *why = get(entry, "why");
		if (get(entry, "pid")->via.u64 == (uint64_t)getpid() && why)
			said |= memmem(why->via.str.ptr, why->via.str.size, "file that is not there", 22) != NULL;
	}
	assert_true(said);
	answer_fini(&answer);
	hrv_view_free(view);
	maker_forget(segment);
}

static void test_unknown_program_is_gone(void **state)
{
	(void)state;
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	assert_int_equal(hrv_view_new(NULL, &view), 0);
	const msgpack_object *program = ask(view, &answer, 0x1234, 0, false);
	assert_true(is_true(get(program, "gone")));
	assert_non_null(get(&answer.unpacked.data, "programs"));
	assert_null(ask(view, &answer, 0, HR_INDEX_NONE, false));
	answer_fini(&answer);
	hrv_view_free(view);
}

/* ---- several at once ---- */

struct watcher {
	pthread_t thread;
	uint64_t id;
	uint32_t file;
	atomic_bool *stop;
	uint64_t last_total;
};

static void *watch(void *arg)
{
	struct watcher *watcher = arg;
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;
	uint64_t total = 0;
	bool last;

	assert_int_equal(hrv_view_new(NULL, &view), 0);
	do {
		last = atomic_load(watcher->stop);
		const msgpack_object *totals = get(ask(view, &answer, watcher->id, watcher->file, false), "totals");
		int64_t now = totals ? hits_of(totals, watcher->file) : -1;
		if (now >= 0) {
			assert_true((uint64_t)now >= total);
			total = (uint64_t)now;
		}
	} while (!last);
	watcher->last_total = total;
	answer_fini(&answer);
	hrv_view_free(view);
	return NULL;
}

static void test_views_on_threads_of_their_own_see_the_same_end(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	uint32_t file = maker_file(segment, "/prog.py", HR_FILE_TRACED);
	struct watcher watchers[3];
	atomic_bool stop = false;

	maker_code(segment, file, "f", 1, 100, NULL);
	for (int i = 0; i < 3; i++) {
		watchers[i] =
		        (struct watcher){.id = hrt_segment_header(segment)->instance, .file = file, .stop = &stop};
		assert_int_equal(pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]), 0);
	}
	for (uint32_t n = 0; n < 200; n++) {
		hit(segment, n % 100, 1000);
		if (n % 20 == 0)
			maker_code(segment, file, "g", 1000 + n, 5, NULL);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(watchers[i].thread, NULL), 0);
		assert_int_equal(watchers[i].last_total, 200000);
	}
	maker_forget(segment);
}

/* Whose instance it is when the reader leaves it to us; 0 when that is nobody's. */
static uint64_t led_to(struct hrv_view *view, struct answer *answer)
{
	struct hrv_wire_request request = {.full = true, .lead = true, .file = HR_INDEX_NONE};
	const msgpack_object *id = get(answer_to(view, answer, &request), "id");
	char text[17] = "0";

	if (id)
		memcpy(text, id->via.str.ptr, 16);
	return strtoull(text, NULL, 16);
}

static void test_only_program_is_shown_to_who_names_none(void **state)
{
	(void)state;
	struct hrt_segment *one = maker_segment("alike.py"), *other = maker_segment("alike.py");
	struct answer answer = {{0}, {0}};
	struct hrv_view *view = NULL;

	assert_int_equal(hrv_view_new("alike.py", &view), 0);
	assert_int_equal(led_to(view, &answer), 0);
	assert_non_null(get(&answer.unpacked.data, "pulse"));
	hrt_segment_close(other, HR_END_EXIT); /* the only one alive */
	assert_true(led_to(view, &answer) == hrt_segment_header(one)->instance);
	assert_null(get(&answer.unpacked.data, "pulse"));
	assert_null(ask(view, &answer, 0, HR_INDEX_NONE, true)); /* this reader wants the list */
	hrt_segment_close(one, HR_END_EXIT);
	assert_int_equal(led_to(view, &answer), 0);
	maker_forget(other);
	assert_true(led_to(view, &answer) == hrt_segment_header(one)->instance); /* there is no other */
	maker_forget(one);
	hrv_view_free(view);
	answer_fini(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_everything_once_and_then_what_is_new),
	        cmocka_unit_test(test_lines_of_every_file_come_when_all_are_wanted),
	        cmocka_unit_test(test_pulse_is_told_while_no_program_is_asked_for),
	        cmocka_unit_test(test_stack_names_files_and_functions),
	        cmocka_unit_test(test_what_is_too_much_for_a_frame_comes_with_the_next),
	        cmocka_unit_test(test_stacks_that_are_too_much_lose_their_middle),
	        cmocka_unit_test(test_program_that_is_corrupt_inside_is_condemned),
	        cmocka_unit_test(test_unknown_program_is_gone),
	        cmocka_unit_test(test_only_program_is_shown_to_who_names_none),
	        cmocka_unit_test(test_views_on_threads_of_their_own_see_the_same_end),
	};
	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
