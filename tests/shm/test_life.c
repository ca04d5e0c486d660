/* test_life.c — live, closed, dead, unknown: told from outside, by the lock, the state and /proc. */
#include "clock.h"
#include "hr_atomic.h"
#include "maker.h"
#include "process.h"
#include "test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process of its own with a segment, which waits for a byte on `go` before it ends in its way. */
struct writer {
	pid_t pid;
	int go;
	char file_name[64];
};

enum way { CLOSES, IS_KILLED, LEAVES_A_CHILD };

static void writer_main(enum way way, int go, int news)
{
	struct hrt_segment *segment = maker_segment("writer");
	char byte;
	pid_t child = 0;

	if (way == LEAVES_A_CHILD) {
		child = fork(); /* keeps the mapping, and with it the lock */
		if (child == 0) {
			pause();
			_exit(0);
		}
	}
	char line[80] = "";
	strcpy(line, hrt_segment_name(segment));
	memcpy(line + 70, &child, sizeof child);
	if (write(news, line, sizeof line) != sizeof line || read(go, &byte, 1) != 1)
		_exit(1);
	if (way == CLOSES) {
		hrt_segment_close(segment, HR_END_EXIT);
		_exit(0);
	}
	raise(SIGKILL);
}

static pid_t writer_start(struct writer *writer, enum way way)
{
	int go[2], news[2];
	char line[80];
	pid_t child;

	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(news), 0);
	writer->pid = fork();
	assert_true(writer->pid >= 0);
	if (writer->pid == 0) {
		close(go[1]);
		close(news[0]);
		writer_main(way, go[0], news[1]);
	}
	close(go[0]);
	close(news[1]);
	assert_int_equal(read(news[0], line, sizeof line), sizeof line);
	close(news[0]);
	strcpy(writer->file_name, line);
	memcpy(&child, line + 70, sizeof child);
	writer->go = go[1];
	return child;
}

static void writer_end(struct writer *writer)
{
	assert_int_equal(write(writer->go, "", 1), 1);
	close(writer->go);
}

static void writer_collect(struct writer *writer)
{
	assert_int_equal(waitpid(writer->pid, NULL, 0), writer->pid);
}

static void writer_forget(struct writer *writer)
{
	char path[128];

	snprintf(path, sizeof path, "/dev/shm/%s", writer->file_name);
	assert_int_equal(unlink(path), 0);
}

/* Waits for the process to have ended without collecting it. */
static void await_zombie(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void assert_life(struct hrv_reader *reader, enum hrv_life expected)
{
	assert_string_equal(hrv_life_name(hrv_reader_life(reader)), hrv_life_name(expected));
}

static void test_program_that_runs_is_live_and_then_closed(void **state)
{
	(void)state;
	struct writer writer;

	writer_start(&writer, CLOSES);
	struct hrv_reader *reader = maker_open(writer.file_name);
	assert_life(reader, HRV_LIVE);
	assert_life(reader, HRV_LIVE); /* looking must not take the lock away */
	writer_end(&writer);
	writer_collect(&writer);
	assert_life(reader, HRV_CLOSED);
	hrv_reader_close(reader);
	reader = maker_open(writer.file_name);
	assert_life(reader, HRV_CLOSED);
	hrv_reader_close(reader);
	writer_forget(&writer);
}

static void test_program_that_was_killed_is_dead(void **state)
{
	(void)state;
	struct writer writer;

	writer_start(&writer, IS_KILLED);
	struct hrv_reader *reader = maker_open(writer.file_name);
	assert_life(reader, HRV_LIVE);
	writer_end(&writer);
	await_zombie(writer.pid);
	assert_life(reader, HRV_DEAD); /* though it is still in the table of processes */
	writer_collect(&writer);
	assert_life(reader, HRV_DEAD);
	hrv_reader_close(reader);
	writer_forget(&writer);
}

static void test_lock_that_a_forked_child_keeps_does_not_make_it_live(void **state)
{
	(void)state;
	struct writer writer;
	pid_t child = writer_start(&writer, LEAVES_A_CHILD);
	struct hrv_reader *reader = maker_open(writer.file_name);

	assert_true(child > 0);
	assert_life(reader, HRV_LIVE);
	writer_end(&writer);
	await_zombie(writer.pid);
	assert_life(reader, HRV_DEAD);
	writer_collect(&writer);
	assert_life(reader, HRV_DEAD);
	assert_int_equal(kill(child, SIGKILL), 0);
	hrv_reader_close(reader);
	writer_forget(&writer);
}

static void test_pid_that_was_given_again_is_another_program(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	struct hr_header *header = (struct hr_header *)hrt_segment_header(segment);

	header->start_ticks -= 1;
	struct hrv_reader *reader = maker_open(hrt_segment_name(segment));
	assert_life(reader, HRV_DEAD);
	hrv_reader_close(reader);
	header->start_ticks += 1;
	reader = maker_open(hrt_segment_name(segment));
	assert_life(reader, HRV_LIVE);
	hrv_reader_close(reader);
	maker_forget(segment);
}

static void test_program_of_another_pid_namespace_is_unknown_while_its_lock_is_held(void **state)
{
	(void)state;
	struct hrt_segment *segment = maker_segment("prog.py");
	char file_name[64], path[128];

	((struct hr_header *)hrt_segment_header(segment))->pidns_inode += 1;
	strcpy(file_name, hrt_segment_name(segment));
	struct hrv_reader *reader = maker_open(file_name);
	assert_life(reader, HRV_UNKNOWN);
	hrt_segment_free(segment); /* the lock goes with the mapping, whatever the namespace */
	assert_life(reader, HRV_DEAD);
	hrv_reader_close(reader);
	snprintf(path, sizeof path, "/dev/shm/%s", file_name);
	assert_int_equal(unlink(path), 0);
}

static unsigned looks_at_proc;

DIR *__real_opendir(const char *name);
DIR *__wrap_opendir(const char *name);

DIR *__wrap_opendir(const char *name)
{
	looks_at_proc += strcmp(name, "/proc") == 0;
	return __real_opendir(name);
}

static void test_all_readers_share_one_search_for_programs_that_cannot_be_seen(void **state)
{
	(void)state;
	enum { READERS = 50 };
	struct hrt_segment *segment = maker_segment("prog.py");
	struct hrv_reader *readers[READERS];

	((struct hr_header *)hrt_segment_header(segment))->pidns_inode += 1;
	for (int i = 0; i < READERS; i++)
		readers[i] = maker_open(hrt_segment_name(segment));
	looks_at_proc = 0;
	uint64_t start_ns = hrv_clock_ns(CLOCK_MONOTONIC);
	for (int round = 0; round < 4; round++)
		for (int i = 0; i < READERS; i++)
			assert_life(readers[i], HRV_UNKNOWN);
	uint64_t took_ns = hrv_clock_ns(CLOCK_MONOTONIC) - start_ns;
	assert_true(looks_at_proc <= 1 + took_ns / 200000000); /* five times a second at most, whoever asks */
	for (int i = 0; i < READERS; i++)
		hrv_reader_close(readers[i]);
	maker_forget(segment);
}

static void test_start_of_a_process_is_read_past_a_wild_name(void **state)
{
	(void)state;
	uint64_t before = 0, after = 0;
	FILE *comm;

	assert_int_equal(hrv_process_start((uint32_t)getpid(), &before), 0);
	assert_true(before > 0);
	comm = fopen("/proc/self/comm", "w");
	assert_non_null(comm);
	fputs("a) Z 1 2 (b", comm);
	fclose(comm);
	assert_int_equal(hrv_process_start((uint32_t)getpid(), &after), 0);
	assert_true(before == after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_program_that_runs_is_live_and_then_closed),
	        cmocka_unit_test(test_program_that_was_killed_is_dead),
	        cmocka_unit_test(test_lock_that_a_forked_child_keeps_does_not_make_it_live),
	        cmocka_unit_test(test_pid_that_was_given_again_is_another_program),
	        cmocka_unit_test(test_program_of_another_pid_namespace_is_unknown_while_its_lock_is_held),
	        cmocka_unit_test(test_all_readers_share_one_search_for_programs_that_cannot_be_seen),
	        cmocka_unit_test(test_start_of_a_process_is_read_past_a_wild_name),
	};
	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
