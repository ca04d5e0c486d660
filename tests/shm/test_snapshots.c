/* test_snapshots.c — stacks and counters copied while the writer does nothing but write.
 *
 * Reader and writer use one mapping, so that ThreadSanitizer sees both sides of the protocol. */
#include "hr_atomic.h"
#include "hr_err.h"
#include "maker.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define COPIES_WANTED 20000
#define DEADLINE_S    60

/* One writer thread at work on one row until `stop`. Frame i of publication n says line n + i, so a mixture shows. */
struct work {
	struct hrt_segment *segment;
	struct hr_row *row;
	bool gives_back; /* the row changes hands all the time */
	atomic_bool stop;
};

static void *write_stacks(void *arg)
{
	struct work *work = arg;
	struct hrt_frame frames[64];
	char name[16] = "thread";

	for (uint32_t n = 1; !atomic_load(&work->stop); n++) {
		uint32_t count = n % 64 + 1;
		for (uint32_t i = 0; i < count; i++)
			frames[i] = (struct hrt_frame){n, n + i, n, n, n};
		name[6] = (char)('a' + n % 26);
		struct hrt_stack stack = {.name = name,
		                          .name_bytes = 7,
		                          .since_tick = n,
		                          .depth = count,
		                          .frame_count = count,
		                          .elided_at = count,
		                          .run_state = HR_RUN_RUNNING,
		                          .frames = frames};
		if (work->gives_back && n % 7 == 0) {
			hr_row_give_back(work->row);
			hr_row_take(work->row, n, n);
		}
		hrt_segment_put_stack(work->segment, HR_KIND_THREADS, work->row, &stack);
	}
	return NULL;
}

static void assert_whole(const struct hrv_row *copy)
{
	uint32_t n = (uint32_t)copy->since_tick;

	assert_int_equal(copy->frame_count, n % 64 + 1);
	assert_int_equal(copy->depth, copy->frame_count);
	assert_int_equal(copy->name[6], 'a' + n % 26);
	for (uint32_t i = 0; i < copy->frame_count; i++) {
		assert_int_equal(copy->frames[i].code, n);
		assert_int_equal(copy->frames[i].line, n + i);
		assert_int_equal(copy->frames[i].end_col, n);
	}
}

static struct hrv_row_shape shape_of(const struct hr_header *header)
{
	return (struct hrv_row_shape){header->row_bytes, header->snapshot_bytes, header->frame_bytes,
	                              header->thread_frames};
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void read_under_work(bool gives_back)
{
	struct work work = {.segment = maker_segment("busy"), .gives_back = gives_back};
	struct hrv_row_shape shape = shape_of(hrt_segment_header(work.segment));
	static struct hrv_row copy;
	time_t deadline = seconds() + DEADLINE_S;
	pthread_t writer;
	int copies = 0, busy = 0;

	work.row = hrt_segment_take_row(work.segment, HR_KIND_THREADS, 1, 1);
	assert_non_null(work.row);
	assert_int_equal(pthread_create(&writer, NULL, write_stacks, &work), 0);
	while (copies < COPIES_WANTED && seconds() < deadline) {
		int err = hrv_row_copy(work.row, &shape, &copy);
		if (err == 0) {
			assert_whole(&copy);
			copies++;
		} else {
			assert_true(err == HR_EAGAIN || err == HR_EGONE);
			busy += err == HR_EAGAIN;
		}
	}
	atomic_store(&work.stop, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
	if (copies < COPIES_WANTED)
		fail_msg("only %d whole copies in %d s, %d times the writer was faster", copies, DEADLINE_S, busy);
	maker_forget(work.segment);
}

static void test_stack_is_whole_under_a_busy_writer(void **state)
{
	(void)state;
	read_under_work(false);
}

static void test_stack_is_of_one_thread_when_its_row_changes_hands(void **state)
{
	(void)state;
	read_under_work(true);
}

static void *write_hits(void *arg)
{
	struct work *work = arg;
	struct hr_control *control = hrt_segment_control(work->segment);

	while (!atomic_load(&work->stop)) {
		hrt_segment_advance_tick(work->segment);
		for (int i = 0; i < 1000; i++)
			hr_slot_hit(&hrt_segment_slots(work->segment)[i % 3], &control->tick);
	}
	return NULL;
}

static void test_counts_never_fall_and_end_exact(void **state)
{
	(void)state;
	struct work work = {.segment = maker_segment("busy")};
	struct hrv_slot before[3] = {{0}}, now[3];
	pthread_t writer;

	maker_code(work.segment, maker_file(work.segment, "/a.py", HR_FILE_TRACED), "f", 1, 3, NULL);
	struct hrv_reader *reader = maker_open(hrt_segment_name(work.segment));
	assert_int_equal(pthread_create(&writer, NULL, write_hits, &work), 0);
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(maker_read_slots(reader, 0, 3, now), 0);
		for (int n = 0; n < 3; n++) {
			assert_true(now[n].hits >= before[n].hits);
			before[n] = now[n];
		}
	}
	atomic_store(&work.stop, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_int_equal(maker_read_slots(reader, 0, 3, now), 0);
	assert_int_equal((now[0].hits + now[1].hits + now[2].hits) % 1000, 0);
	hrv_reader_close(reader);
	maker_forget(work.segment);
}

/* Publishes code objects while a reader follows: what it is told is there must be there. */
static void *write_codes(void *arg)
{
	struct work *work = arg;
	uint32_t file = 0;

	for (uint32_t n = 0; n < 3000; n++) {
		if (n % 100 == 0)
			file = maker_file(work->segment, "/path/of/a/file.py", HR_FILE_TRACED);
		maker_code(work->segment, file, "qualified.name", n + 1, 1 + n % 5, NULL);
	}
	atomic_store(&work->stop, true);
	return NULL;
}

static void test_what_is_published_is_there_with_all_it_refers_to(void **state)
{
	(void)state;
	struct work work = {.segment = maker_segment("busy")};
	struct hrv_reader *reader = maker_open(hrt_segment_name(work.segment));
	struct hrv_buffer text = {0};
	uint32_t codes = 0, files = 0, infos = 0;
	pthread_t writer;
	bool last;

	assert_int_equal(pthread_create(&writer, NULL, write_codes, &work), 0);
	do {
		struct hr_code code;
		struct hr_slot_info info;
		last = atomic_load(&work.stop);
		assert_int_equal(hrv_reader_count(reader, HR_KIND_CODES, &codes), 0);
		assert_int_equal(hrv_reader_count(reader, HR_KIND_SLOT_INFOS, &infos), 0);
		assert_int_equal(hrv_reader_count(reader, HR_KIND_FILES, &files), 0);
		if (codes == 0)
			continue;
		assert_int_equal(hrv_reader_codes(reader, codes - 1, 1, &code), 0);
		assert_true(code.file < files);
		assert_int_equal(code.first_line, codes);
		assert_true(code.slot_first + code.slot_count <= infos);
		assert_int_equal(hrv_reader_slot_infos(reader, code.slot_first, 1, &info), 0);
		assert_int_equal(info.line, code.first_line);
		text.len_bytes = 0;
		assert_int_equal(hrv_reader_string(reader, code.qualname, &text), 0);
		assert_memory_equal(text.bytes, "qualified.name", 14);
	} while (!last);
	assert_int_equal(codes, 3000);
	assert_int_equal(pthread_join(writer, NULL), 0);
	hrv_buffer_fini(&text);
	hrv_reader_close(reader);
	maker_forget(work.segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_stack_is_whole_under_a_busy_writer),
	        cmocka_unit_test(test_stack_is_of_one_thread_when_its_row_changes_hands),
	        cmocka_unit_test(test_counts_never_fall_and_end_exact),
	        cmocka_unit_test(test_what_is_published_is_there_with_all_it_refers_to),
	};
	return cmocka_run_group_tests_name("snapshots", tests, NULL, NULL);
}
