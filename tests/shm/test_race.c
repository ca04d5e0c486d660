/* test_race.c — the real writer against a reader that follows hr_atomic.h, on two threads, under ThreadSanitizer too.
 *
 * The writer adds files, codes and strings, hits lines, takes rows, publishes stacks and gives rows back; the reader
 * attaches by name, read-only, and judges every value that it copies: what passes the protocol's checks must be whole,
 * of one tenant, in bounds, and never go back. */
#include "test.h"

#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "segment.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 3000
#define ROWS   3
#define STACKS 30 /* published in a round */
#define FRAMES 32

struct pair {
	struct hrt_segment *segment;
	char name[HR_NAME_BYTES];
	pthread_barrier_t start;
	uint64_t hits; /* the writer's own count */
};

struct view {
	const unsigned char *base;
	const struct hr_control *control;
	struct hr_header header;
	uint64_t copied, torn, changed; /* snapshots */
};

/* ---- the writer: every frame of a snapshot, its name and its depth tell of one number ---- */

static void put_stack(struct hrt_segment *segment, struct hr_row *row, uint32_t number)
{
	struct hrt_frame frames[FRAMES];
	struct hrt_stack stack = {.since_tick = number,
	                          .depth = number,
	                          .frame_count = 1 + number % FRAMES,
	                          .elided_at = number,
	                          .frames = frames};
	char name[HR_THREAD_NAME_BYTES];

	stack.name = name;
	stack.name_bytes = (size_t)snprintf(name, sizeof name, "%u-%u-%u-%u-%u-%u", number, number, number, number,
	                                    number, number);
	for (uint32_t i = 0; i < stack.frame_count; i++)
		frames[i] = (struct hrt_frame){number, number, number, number, number};
	hrt_segment_put_stack(segment, HR_KIND_THREADS, row, &stack);
}

/* cmocka's assertions are for the thread that runs the test. */
static void must(bool done)
{
	if (!done)
		abort();
}

static void *write_all(void *arg)
{
	struct pair *pair = arg;
	struct hr_row *rows[ROWS] = {NULL};
	uint32_t number = 0, index;
	uint32_t lines[7] = {1, 2, 3, 5, 8, 13, 21};

	pthread_barrier_wait(&pair->start);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		char text[64];
		struct hr_file file = {.flags = HR_FILE_TRACED, .size_bytes = round, .mtime_ns = round, .hash = round};
		struct hr_code code = {.first_line = round};
		int bytes = snprintf(text, sizeof text, "%u", round);
		must(hrt_segment_put_string(pair->segment, (struct hrt_text){text, (size_t)bytes}, &file.path) == 0);
		must(hrt_segment_put_file(pair->segment, &file, &code.file) == 0);
		code.qualname = file.path;
		must(hrt_segment_put_code(pair->segment, &code, lines, 7, 0, &index) == 0);
		for (uint32_t i = 0; i < 7; i++, pair->hits++)
			hr_slot_hit(&hrt_segment_slots(pair->segment)[code.slot_first + i],
			            &hrt_segment_control(pair->segment)->tick);
		hrt_segment_advance_tick(pair->segment);
		hrt_segment_drop(pair->segment, HR_DROP_HITS, 1);
		struct hr_row **row = &rows[round % ROWS];
		if (*row && round % 5 == 0) {
			hrt_segment_give_row(pair->segment, HR_KIND_THREADS, *row);
			*row = NULL;
		}
		if (!*row)
			*row = hrt_segment_take_row(pair->segment, HR_KIND_THREADS, round, round);
		must(*row != NULL);
		for (int i = 0; i < STACKS; i++)
			put_stack(pair->segment, *row, ++number);
	}
	hrt_segment_close(pair->segment, HR_END_EXIT);
	return NULL;
}

/* ---- the reader ---- */

static void view_open(struct view *view, const char *name)
{
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];
	struct stat st;

	snprintf(path, sizeof path, HR_SHM_DIR "/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	void *base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_true(base != MAP_FAILED);
	view->base = base;
	memcpy(&view->header, base, sizeof view->header);
	view->control = (const struct hr_control *)(view->base + view->header.control_off);
}

static const void *section(const struct view *view, enum hr_kind kind, uint64_t *used_out)
{
	for (uint32_t i = 0; i < view->header.section_count; i++)
		if (view->header.sections[i].kind == kind) {
			*used_out = hr_used_load(&view->control->used[i]);
			assert_true(*used_out <= view->header.sections[i].capacity);
			return view->base + view->header.sections[i].off;
		}
	fail();
	return NULL;
}

/* Codes before what they point into; all plain memory. Gives the sum of hits. */
static uint64_t read_tables(const struct view *view)
{
	uint64_t codes = 0, files = 0, strings = 0, slots = 0, infos = 0, sum = 0;
	const struct hr_code *code = section(view, HR_KIND_CODES, &codes);
	const struct hr_slot *slot = section(view, HR_KIND_SLOTS, &slots);
	const struct hr_slot_info *info = section(view, HR_KIND_SLOT_INFOS, &infos);
	const struct hr_file *file = section(view, HR_KIND_FILES, &files);
	const char *string = section(view, HR_KIND_STRINGS, &strings);

	assert_true(slots <= infos);
	for (uint64_t i = codes > 40 ? codes - 40 : 0; i < codes; i++) {
		char expected[64], found[64] = "";
		assert_int_equal(code[i].first_line, i);
		assert_true(code[i].file < files);
		assert_true(code[i].slot_first + code[i].slot_count <= slots);
		assert_int_equal(info[code[i].slot_first + 6].line, 21);
		assert_int_equal(file[code[i].file].hash, i);
		struct hr_str path = file[code[i].file].path;
		assert_true(path.len_bytes < sizeof found && path.off + path.len_bytes <= strings);
		memcpy(found, string + path.off, path.len_bytes);
		snprintf(expected, sizeof expected, "%u", (unsigned)i);
		assert_string_equal(found, expected);
	}
	for (uint64_t i = 0; i < slots; i++)
		sum += hr_load64(&slot[i].hits);
	return sum;
}

static uint32_t number_of(const char *name)
{
	return (uint32_t)strtoul(name, NULL, 10);
}

static void read_row(struct view *view, const struct hr_row *row)
{
	size_t stride = view->header.snapshot_bytes + (size_t)view->header.thread_frames * view->header.frame_bytes;
	uint64_t generation = hr_row_generation(row);
	uint64_t ident = hr_load64(&row->ident), native_id = hr_load64(&row->native_id);
	uint64_t published = hr_row_published(row);
	uint32_t frames[FRAMES][5];
	char name[HR_THREAD_NAME_BYTES], expected[HR_THREAD_NAME_BYTES];

	if (generation % 2 == 0 || published == 0)
		return;
	const struct hr_snapshot *at =
	        (const struct hr_snapshot *)((const unsigned char *)(row + 1) + published % HR_RING * stride);
	const struct hr_frame *frame = (const struct hr_frame *)(at + 1);
	uint64_t seq = hr_snapshot_seq(at);
	uint32_t depth = hr_load32(&at->depth), count = hr_load32(&at->frame_count), elided = hr_load32(&at->elided_at);
	uint64_t since = hr_load64(&at->since_tick);
	hr_name_load(at->name, name);
	for (uint32_t i = 0; i < count && i < FRAMES; i++) {
		frames[i][0] = hr_load32(&frame[i].code);
		frames[i][1] = hr_load32(&frame[i].line);
		frames[i][2] = hr_load32(&frame[i].end_line);
		frames[i][3] = hr_load32(&frame[i].col);
		frames[i][4] = hr_load32(&frame[i].end_col);
	}
	if (seq == 0 || !hr_snapshot_whole(at, seq)) {
		view->torn++;
		return;
	}
	if (!hr_row_same(row, generation)) {
		view->changed++;
		return;
	}
	view->copied++;
	assert_int_equal(ident, native_id);
	assert_true(seq >= published);
	assert_int_equal(since, depth);
	assert_int_equal(elided, depth);
	assert_int_equal(count, 1 + depth % FRAMES);
	for (uint32_t i = 0; i < count; i++)
		for (int j = 0; j < 5; j++)
			assert_int_equal(frames[i][j], depth);
	snprintf(expected, sizeof expected, "%u-%u-%u-%u-%u-%u", depth, depth, depth, depth, depth, depth);
	assert_string_equal(name, expected);
	assert_int_equal(number_of(name), depth);
	assert_true((depth - 1) / STACKS >= ident); /* the tenant took the row in round `ident` */
}

static void test_reader_beside_writer(void **state)
{
	struct hrt_segment_spec spec = {.size_bytes = UINT64_C(64) << 20, .name = {"race", 4}};
	struct pair pair = {0};
	struct view view = {0};
	uint64_t rows = 0, before = 0, passes = 0, tick = 0;
	pthread_t writer;
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];

	(void)state;
	assert_int_equal(hrt_segment_create(&spec, &pair.segment), 0);
	strcpy(pair.name, hrt_segment_name(pair.segment));
	view_open(&view, pair.name);
	assert_int_equal(pthread_barrier_init(&pair.start, NULL, 2), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_all, &pair), 0);
	pthread_barrier_wait(&pair.start);
	for (bool closed = false; !closed; passes++) {
		closed = hr_state_load(&view.control->state) == HR_STATE_CLOSED;
		const unsigned char *row = section(&view, HR_KIND_THREADS, &rows);
		for (uint64_t i = 0; i < rows; i++)
			for (int again = 0; again < 20; again++)
				read_row(&view,
				         (const struct hr_row *)(row +
				                                 i * (sizeof(struct hr_row) +
				                                      HR_RING * (view.header.snapshot_bytes +
				                                                 (size_t)view.header.thread_frames *
				                                                         view.header.frame_bytes))));
		uint64_t sum = read_tables(&view), now = hr_load64(&view.control->tick);
		assert_true(sum >= before && now >= tick);
		before = sum;
		tick = now;
	}
	/* CLOSED was seen before the last look: nothing of it may be missing. */
	assert_int_equal(before, 7 * ROUNDS);
	pthread_join(writer, NULL);
	assert_int_equal(pair.hits, 7 * ROUNDS);
	assert_int_equal(hr_load64(&view.control->drops[HR_DROP_HITS]), ROUNDS);
	print_message("%llu passes; snapshots: %llu whole, %llu torn and noticed, %llu of another tenant and noticed\n",
	              (unsigned long long)passes, (unsigned long long)view.copied, (unsigned long long)view.torn,
	              (unsigned long long)view.changed);
	assert_true(view.copied > 0);
	snprintf(path, sizeof path, HR_SHM_DIR "/%s", pair.name);
	assert_int_equal(unlink(path), 0);
	munmap((void *)view.base, view.header.total_bytes);
	hrt_segment_free(pair.segment);
	pthread_barrier_destroy(&pair.start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reader_beside_writer)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
