/* test_shared.c — names, error texts, and which ended segments are kept. */
#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "hr_retire.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void test_name_survives_the_round_trip(void **state)
{
	(void)state;
	struct hr_name names[] = {{0, 1, 1, false},
	                          {1000, 4711, UINT64_C(0xdeadbeef12345678), false},
	                          {UINT32_MAX, UINT32_MAX, UINT64_MAX, true}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char text[HR_NAME_BYTES];
		struct hr_name parsed;
		hr_name_format(&names[i], text);
		assert_int_equal(hr_name_parse(text, &parsed), 0);
		assert_int_equal(parsed.uid, names[i].uid);
		assert_int_equal(parsed.pid, names[i].pid);
		assert_true(parsed.instance == names[i].instance);
		assert_int_equal(parsed.unfinished, names[i].unfinished);
	}
}

static void test_name_of_another_kind_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
	        "",
	        ".",
	        "heartrate_shm.",
	        "heartrate_shm.1.2",
	        "heartrate_shm.1.2.3",
	        "heartrate_shm.1.2.0000000000000000",
	        "heartrate_shm.01.2.00000000000000ff",
	        "heartrate_shm.+1.2.00000000000000ff",
	        "heartrate_shm.-1.2.00000000000000ff",
	        "heartrate_shm. 1.2.00000000000000ff",
	        "heartrate_shm.1.2.00000000000000FF",
	        "heartrate_shm.1.2.00000000000000ff.old",
	        "heartrate_shm.1.2.00000000000000ff ",
	        "heartrate_shm.4294967296.2.00000000000000ff",
	        "..heartrate_shm.1.2.00000000000000ff",
	        "heartrate_shm.1.2.0x000000000000ff",
	        "xheartrate_shm.1.2.00000000000000ff",
	};
	struct hr_name name = {.pid = 77};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (hr_name_parse(wrong[i], &name) != HR_EARG || name.pid != 77)
			fail_msg("accepted: \"%s\"", wrong[i]);
}

static void test_every_error_has_a_name_and_a_text(void **state)
{
	(void)state;
	assert_string_equal(hr_err_name(0), "HR_OK");
	assert_string_equal(hr_err_name(HR_ECORRUPT), "HR_ECORRUPT");
	assert_string_equal(hr_err_text(HR_EGONE), "no such segment");
	assert_string_equal(hr_err_name(-1000), "HR_E?");
	for (int err = HR_EIO; err < 0; err++) {
		assert_string_not_equal(hr_err_name(err), "HR_E?");
		assert_string_not_equal(hr_err_text(err), "unknown error");
	}
}

/* ---- retire ---- */

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, HR_SHM_DIR "/hr_test_XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -r '%s'", dir);
	return system(command);
}

static void path_of(uint64_t instance, bool unfinished, char out[256])
{
	struct hr_name name = {.uid = geteuid(), .pid = 1, .instance = instance, .unfinished = unfinished};
	char text[HR_NAME_BYTES];

	hr_name_format(&name, text);
	snprintf(out, 256, "%s/%s", dir, text);
}

/* A segment that gave its last sign of life at `seconds`, holding `bytes` of memory. Returns its descriptor. */
static int make_ended(uint64_t instance, uint64_t seconds, size_t bytes)
{
	struct hr_header header = {.magic = HR_MAGIC,
	                           .major = HR_LAYOUT_MAJOR,
	                           .control_off = 1024,
	                           .start_realtime_ns = UINT64_C(1000000000)};
	uint64_t tick = (seconds - 1) * 1000;
	char path[256];

	path_of(instance, false, path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &header, sizeof header, 0), sizeof header);
	assert_int_equal(pwrite(fd, &tick, sizeof tick, 1024 + offsetof(struct hr_control, tick)), sizeof tick);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)bytes), 0);
	return fd;
}

static bool is_there(uint64_t instance, bool unfinished)
{
	char path[256];

	path_of(instance, unfinished, path);
	return access(path, F_OK) == 0;
}

static void test_the_eight_newest_stay(void **state)
{
	(void)state;
	/* Made in an order that is not that of their ends. */
	for (uint64_t i = 0; i < 12; i++)
		close(make_ended(i + 1, 100 + (i * 5) % 12, 8192));
	hr_retire_dir(dir);
	for (uint64_t i = 0; i < 12; i++)
		if (is_there(i + 1, false) != ((i * 5) % 12 >= 4))
			fail_msg("segment that ended at %d s: %s", (int)(100 + (i * 5) % 12),
			         is_there(i + 1, false) ? "still there" : "gone");
}

static void test_ended_segments_hold_32_mb_at_most_but_for_the_newest(void **state)
{
	(void)state;
	close(make_ended(1, 101, 1 << 20));
	close(make_ended(2, 102, 20 << 20));
	close(make_ended(3, 103, 20 << 20));
	hr_retire_dir(dir);
	assert_true(is_there(3, false));
	assert_false(is_there(2, false));
	assert_false(is_there(1, false));
	close(make_ended(4, 104, 40 << 20));
	hr_retire_dir(dir);
	assert_true(is_there(4, false));
	assert_false(is_there(3, false));
}

static void test_a_segment_whose_writer_lives_stays_however_old(void **state)
{
	(void)state;
	int fd = make_ended(99, 2, 8192);

	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	/* As the tracer holds it: by its mapping alone. */
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	close(fd);
	for (uint64_t i = 1; i <= 10; i++)
		close(make_ended(i, 100 + i, 8192));
	hr_retire_dir(dir);
	assert_true(is_there(99, false));
	assert_true(is_there(10, false));
	assert_false(is_there(2, false));
	munmap(map, 4096);
	hr_retire_dir(dir);
	assert_false(is_there(99, false));
}

static void test_half_made_segments_go_when_they_are_old_enough(void **state)
{
	(void)state;
	struct timespec times[2] = {{0}};
	char path[256];

	path_of(5, true, path);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	hr_retire_dir(dir);
	assert_true(is_there(5, true)); /* its maker may be about to lock it */
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[1]), 0);
	times[1].tv_sec -= 2 * HR_RETIRE_UNFINISHED_S;
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	hr_retire_dir(dir);
	assert_true(is_there(5, true)); /* slow, but at work */
	close(fd);
	hr_retire_dir(dir);
	assert_false(is_there(5, true));
}

static void test_what_is_no_segment_of_ours_stays(void **state)
{
	(void)state;
	char path[256], link_path[256];
	struct hr_name other = {.uid = geteuid() + 1, .pid = 1, .instance = 7};
	char text[HR_NAME_BYTES];

	snprintf(path, sizeof path, "%s/precious", dir);
	close(open(path, O_RDWR | O_CREAT, 0600));
	hr_name_format(&other, text);
	snprintf(path, sizeof path, "%s/%s", dir, text);
	close(open(path, O_RDWR | O_CREAT, 0600));
	path_of(3, false, link_path);
	assert_int_equal(symlink("precious", link_path), 0);
	for (uint64_t i = 10; i < 20; i++)
		close(make_ended(i, 100 + i, 8192));
	hr_retire_dir(dir);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(access(link_path, F_OK), 0);
	snprintf(path, sizeof path, "%s/precious", dir);
	assert_int_equal(access(path, F_OK), 0);
	hr_retire_dir("/there/is/no/such/directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_name_survives_the_round_trip),
	        cmocka_unit_test(test_name_of_another_kind_is_refused),
	        cmocka_unit_test(test_every_error_has_a_name_and_a_text),
	        cmocka_unit_test_setup_teardown(test_the_eight_newest_stay, make_dir, remove_dir),
	        cmocka_unit_test_setup_teardown(test_ended_segments_hold_32_mb_at_most_but_for_the_newest, make_dir,
	                                        remove_dir),
	        cmocka_unit_test_setup_teardown(test_a_segment_whose_writer_lives_stays_however_old, make_dir,
	                                        remove_dir),
	        cmocka_unit_test_setup_teardown(test_half_made_segments_go_when_they_are_old_enough, make_dir,
	                                        remove_dir),
	        cmocka_unit_test_setup_teardown(test_what_is_no_segment_of_ours_stays, make_dir, remove_dir),
	};
	return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
