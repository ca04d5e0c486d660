/* test_segment.c — the segment's writer when the system refuses: at each single call, on old kernels, in a forked
 * child.
 *
 * Each scenario is run to its end with the n-th call of one kind failing, for every n until n is beyond the last call.
 * What is checked after each: no descriptor left, no half-made file left, the published part readable and true, and
 * what is missing counted as a drop. */
#include "test.h"

#include "faults.h"
#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTE (UINT64_C(1) << 20)

static struct hrt_text text(const char *bytes)
{
	return (struct hrt_text){bytes, strlen(bytes)};
}

static struct hrt_segment_spec spec(uint64_t size_bytes)
{
	return (struct hrt_segment_spec){.size_bytes = size_bytes,
	                                 .name = text("test_segment"),
	                                 .argv = {"test\0segment", 13},
	                                 .executable = text("/bin/test"),
	                                 .cwd = text("/"),
	                                 .caller = text("/test.py")};
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Files in /dev/shm by this process, whole and half-made. */
static unsigned own_files(bool remove)
{
	unsigned count = 0;
	DIR *dir = opendir(HR_SHM_DIR);
	struct hr_name name;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (hr_name_parse(entry->d_name, &name) != 0 || name.pid != (uint32_t)getpid())
			continue;
		count++;
		if (remove)
			assert_int_equal(unlinkat(dirfd(dir), entry->d_name, 0), 0);
	}
	closedir(dir);
	return count;
}

static int remove_files(void **state)
{
	(void)state;
	own_files(true);
	return 0;
}

/* What a reader of the file sees of a section's published part; the caller frees it. */
static void *read_section(const char *name, enum hr_kind kind, uint64_t *count_out)
{
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];
	struct hr_header header;
	struct hr_control control;

	snprintf(path, sizeof path, HR_SHM_DIR "/%s", name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(pread(fileno(file), &header, sizeof header, 0), sizeof header);
	assert_int_equal(header.magic, HR_MAGIC);
	assert_int_equal(pread(fileno(file), &control, sizeof control, (off_t)header.control_off), sizeof control);
	for (uint32_t i = 0; i < header.section_count; i++) {
		const struct hr_section *section = &header.sections[i];
		if (section->kind != kind)
			continue;
		size_t bytes = control.used[i] * section->elem_bytes;
		unsigned char *at = malloc(bytes + 1);
		assert_non_null(at);
		assert_int_equal(pread(fileno(file), at, bytes, (off_t)section->off), bytes);
		fclose(file);
		*count_out = control.used[i];
		return at;
	}
	fail_msg("no section of kind %d", kind);
	return NULL;
}

#define CODES 200
#define LINES 60

/* A program's life in small: files, codes with counters that are hit, notes, rows with stacks. Gives the hits that
 * found a counter. */
static uint64_t live(struct hrt_segment *segment)
{
	uint32_t lines[LINES], index;
	uint64_t hits = 0;

	for (uint32_t i = 0; i < LINES; i++)
		lines[i] = i + 1;
	for (int i = 0; i < CODES; i++) {
		char name[64];
		struct hr_file file = {.flags = HR_FILE_TRACED};
		struct hr_code code = {.first_line = 1};
		snprintf(name, sizeof name, "/a/rather/long/path/of/file%d.py", i);
		if (hrt_segment_put_string(segment, text(name), &file.path) != 0 ||
		    hrt_segment_put_file(segment, &file, &code.file) != 0)
			continue;
		hrt_segment_put_string(segment, text(name), &code.qualname);
		if (hrt_segment_put_code(segment, &code, lines, LINES, 0, &index) != 0)
			continue;
		for (uint32_t j = 0; j < LINES; j++, hits++)
			hr_slot_hit(&hrt_segment_slots(segment)[code.slot_first + j],
			            &hrt_segment_control(segment)->tick);
		hrt_segment_put_note(segment, HR_NOTE_TROUBLE, text(name));
	}
	for (uint64_t i = 0; i < 10; i++) {
		struct hrt_frame frames[256] = {{.line = 1}};
		struct hrt_stack stack = {
		        .name = "x", .name_bytes = 1, .depth = 256, .frame_count = 256, .frames = frames};
		struct hr_row *row = hrt_segment_take_row(segment, HR_KIND_THREADS, i, i);
		for (int n = 0; row && n < 5; n++)
			hrt_segment_put_stack(segment, HR_KIND_THREADS, row, &stack);
	}
	return hits;
}

/* The file says what live() did; what it could not do is told as drops. */
static void check(const char *name, struct hr_control *control, uint64_t hits)
{
	uint64_t slots, codes, files, sum = 0, dropped = 0;
	struct hr_slot *slot = read_section(name, HR_KIND_SLOTS, &slots);
	struct hr_code *code = read_section(name, HR_KIND_CODES, &codes);

	free(read_section(name, HR_KIND_FILES, &files));
	for (uint64_t i = 0; i < slots; i++)
		sum += hr_load64(&slot[i].hits);
	assert_int_equal(sum, hits);
	assert_int_equal(hits, codes * LINES);
	for (uint64_t i = 0; i < codes; i++) {
		assert_true(code[i].file < files);
		assert_true(code[i].slot_first + code[i].slot_count <= slots);
	}
	for (int i = 0; i < HR_DROP_COUNT; i++)
		dropped += hr_load64(&control->drops[i]);
	assert_int_equal(
	        codes<CODES, hr_load64(&control->drops[HR_DROP_CODES]) + hr_load64(&control->drops[HR_DROP_FILES]) +
	                             hr_load64(&control->drops[HR_DROP_STRINGS])> 0);
	assert_true(codes == CODES || dropped > 0);
	free(slot);
	free(code);
}

/* One life with one fault; true when the fault was reached. */
static bool one_life(enum fault fault, unsigned nth, int error, int ever_after)
{
	struct hrt_segment_spec asked = spec(8 * MEGABYTE);
	struct hrt_segment *segment = NULL;
	unsigned descriptors = open_descriptors();

	fault_arm(fault, nth, error, ever_after);
	int err = hrt_segment_create(&asked, &segment);
	if (err == 0) {
		uint64_t hits = live(segment);
		hrt_segment_close(segment, HR_END_EXIT);
		check(hrt_segment_name(segment), hrt_segment_control(segment), hits);
		hrt_segment_free(segment);
	} else {
		assert_true(err == HR_ENOSPC || err == HR_EIO || err == HR_ENOMEM);
		assert_null(segment);
		assert_int_equal(own_files(false), 0);
	}
	unsigned calls = fault_disarm();
	own_files(true);
	assert_int_equal(open_descriptors(), descriptors);
	return calls >= nth;
}

static void test_each_call_may_fail_once_or_for_ever(void **state)
{
	static const int errors[FAULT_COUNT] = {[FAULT_madvise] = EFAULT,  [FAULT_posix_fallocate] = ENOSPC,
	                                        [FAULT_ftruncate] = EFBIG, [FAULT_mmap] = ENOMEM,
	                                        [FAULT_open] = EMFILE,     [FAULT_flock] = ENOLCK,
	                                        [FAULT_fchmod] = EROFS,    [FAULT_rename] = EDQUOT,
	                                        [FAULT_calloc] = ENOMEM};
	unsigned tried = 0;

	(void)state;
	for (int fault = 0; fault < FAULT_COUNT; fault++) {
		unsigned before = tried;
		for (int ever_after = 0; ever_after < 2; ever_after++)
			for (unsigned nth = 1; one_life((enum fault)fault, nth, errors[fault], ever_after); nth++)
				tried++;
		print_message("%s: %u\n", fault_names[fault], (tried - before) / 2);
		assert_true(tried > before); /* it is called at all */
	}
}

static void test_a_call_that_is_interrupted_is_made_again(void **state)
{
	(void)state;
	assert_true(one_life(FAULT_madvise, 1, EINTR, 0));
	assert_true(one_life(FAULT_posix_fallocate, 1, EINTR, 0));
}

/* Before Linux 5.14 madvise() does not know MADV_POPULATE_WRITE. */
static struct hrt_segment *on_an_old_kernel(void)
{
	struct hrt_segment_spec asked = spec(8 * MEGABYTE);
	struct hrt_segment *segment = NULL;

	fault_arm(FAULT_madvise, 1, EINVAL, 1);
	assert_int_equal(hrt_segment_create(&asked, &segment), 0);
	return segment;
}

static void test_old_kernel_counts_all(void **state)
{
	unsigned descriptors = open_descriptors();
	struct hrt_segment *segment = on_an_old_kernel();

	(void)state;
	assert_int_equal(live(segment), CODES * LINES);
	check(hrt_segment_name(segment), hrt_segment_control(segment), CODES * LINES);
	assert_true(fault_disarm() > 10);
	assert_int_equal(open_descriptors(), descriptors);
	hrt_segment_free(segment);
}

static void test_old_kernel_needs_no_descriptor_of_before(void **state)
{
	struct hrt_segment *segment = on_an_old_kernel();

	(void)state;
	pid_t pid = fork(); /* the test's own descriptors are needed */
	assert_true(pid >= 0);
	if (pid == 0) {
		/* The lock and the mapping are the parent's, and shared: it is the same segment. */
		for (int fd = 0; fd < 1000; fd++)
			close(fd);
		_exit(live(segment) == CODES * LINES ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fault_disarm();
	check(hrt_segment_name(segment), hrt_segment_control(segment), CODES * LINES);
	hrt_segment_free(segment);
}

static void test_old_kernel_with_all_descriptors_in_use(void **state)
{
	struct hrt_segment *segment = on_an_old_kernel();
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	uint64_t hits = live(segment);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	fault_disarm();
	assert_true(hits < CODES * LINES);
	assert_true(hr_load64(&hrt_segment_control(segment)->drops[HR_DROP_MEMORY]) > 0);
	check(hrt_segment_name(segment), hrt_segment_control(segment), hits);
	hrt_segment_free(segment);
}

static void test_old_kernel_and_the_name_is_gone_or_anothers(void **state)
{
	for (int replaced = 0; replaced < 2; replaced++) {
		struct hrt_segment *segment = on_an_old_kernel();
		char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];
		struct stat st;

		(void)state;
		snprintf(path, sizeof path, HR_SHM_DIR "/%s", hrt_segment_name(segment));
		assert_int_equal(unlink(path), 0);
		if (replaced) {
			int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
			assert_true(fd >= 0);
			assert_int_equal(ftruncate(fd, 8 * MEGABYTE), 0);
			close(fd);
		}
		uint64_t hits = live(segment);
		fault_disarm();
		assert_true(hits < CODES * LINES);
		assert_true(hr_load64(&hrt_segment_control(segment)->drops[HR_DROP_MEMORY]) > 0);
		if (replaced) {
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_blocks, 0); /* another file is not grown */
		}
		hrt_segment_free(segment);
		own_files(true);
	}
}

static void ignore(int signal)
{
	(void)signal;
}

/* On tmpfs an interrupted fallocate() gives back all that it had: a large one would never end. */
static void test_old_kernel_under_a_storm_of_signals(void **state)
{
	const struct itimerval storm = {{0, 50}, {0, 50}}, calm = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = ignore}, before;
	struct hrt_segment_spec asked = spec(256 * MEGABYTE);
	struct hrt_segment *segment = NULL;
	size_t bytes = 64 * MEGABYTE;
	char *large = malloc(bytes);
	struct hr_str where;

	(void)state;
	assert_non_null(large);
	memset(large, 'x', bytes);
	fault_arm(FAULT_madvise, 1, EINVAL, 1);
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &storm, NULL), 0);
	int err = hrt_segment_create(&asked, &segment);
	if (err == 0)
		err = hrt_segment_put_string(segment, (struct hrt_text){large, bytes}, &where);
	assert_int_equal(setitimer(ITIMER_REAL, &calm, NULL), 0);
	sigaction(SIGALRM, &before, NULL);
	fault_disarm();
	assert_int_equal(err, 0);
	hrt_segment_free(segment);
	free(large);
}

static void test_limits_of_the_process(void **state)
{
	const struct {
		int which;
		rlim_t limit;
	} cases[] = {{RLIMIT_NOFILE, 0}, {RLIMIT_FSIZE, 0}, {RLIMIT_FSIZE, 4096}, {RLIMIT_FSIZE, 2 * MEGABYTE}};
	unsigned descriptors = open_descriptors();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hrt_segment_spec asked = spec(HRT_SEGMENT_DEFAULT_BYTES);
		struct hrt_segment *segment = NULL;
		struct rlimit before, now;
		assert_int_equal(getrlimit(cases[i].which, &before), 0);
		now = (struct rlimit){.rlim_cur = cases[i].limit, .rlim_max = before.rlim_max};
		assert_int_equal(setrlimit(cases[i].which, &now), 0);
		int err = hrt_segment_create(&asked, &segment);
		uint64_t hits = err == 0 ? live(segment) : 0;
		assert_int_equal(setrlimit(cases[i].which, &before), 0);
		if (err == 0) {
			check(hrt_segment_name(segment), hrt_segment_control(segment), hits);
			hrt_segment_free(segment);
		} else {
			assert_int_equal(own_files(false), 0);
		}
		own_files(true);
		assert_int_equal(open_descriptors(), descriptors);
	}
}

static void test_every_table_may_be_full(void **state)
{
	struct hrt_segment_spec asked = spec(HRT_SEGMENT_MIN_BYTES);
	struct hrt_segment *segment = NULL;
	struct hr_str string;
	uint32_t lines[1000], index;
	char many[4096];

	(void)state;
	memset(many, 'y', sizeof many);
	for (uint32_t i = 0; i < 1000; i++)
		lines[i] = i + 1;
	assert_int_equal(hrt_segment_create(&asked, &segment), 0);
	struct hr_control *control = hrt_segment_control(segment);
	for (int i = 0; i < 3000; i++) {
		struct hr_file file = {0};
		struct hr_code code = {0};
		hrt_segment_put_file(segment, &file, &index);
		hrt_segment_put_code(segment, &code, lines, (uint32_t)i % 1000, 0, &index);
		hrt_segment_put_note(segment, HR_NOTE_TROUBLE, text("note"));
		hrt_segment_take_row(segment, HR_KIND_THREADS, 1, 1);
		hrt_segment_take_row(segment, HR_KIND_TASKS, 1, 1);
	}
	for (int i = 0; i < 3000; i++)
		hrt_segment_put_string(segment, (struct hrt_text){many, sizeof many}, &string);
	const enum hr_drop full[] = {HR_DROP_FILES,   HR_DROP_CODES, HR_DROP_NOTES,
	                             HR_DROP_THREADS, HR_DROP_TASKS, HR_DROP_STRINGS};
	for (size_t i = 0; i < sizeof full / sizeof *full; i++)
		if (hr_load64(&control->drops[full[i]]) == 0)
			fail_msg("drop %d was not counted", full[i]);
	assert_int_equal(hr_load64(&control->drops[HR_DROP_MEMORY]), 0);
	hrt_segment_free(segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_teardown(test_each_call_may_fail_once_or_for_ever, remove_files),
	        cmocka_unit_test_teardown(test_a_call_that_is_interrupted_is_made_again, remove_files),
	        cmocka_unit_test_teardown(test_old_kernel_counts_all, remove_files),
	        cmocka_unit_test_teardown(test_old_kernel_needs_no_descriptor_of_before, remove_files),
	        cmocka_unit_test_teardown(test_old_kernel_with_all_descriptors_in_use, remove_files),
	        cmocka_unit_test_teardown(test_old_kernel_and_the_name_is_gone_or_anothers, remove_files),
	        cmocka_unit_test_teardown(test_old_kernel_under_a_storm_of_signals, remove_files),
	        cmocka_unit_test_teardown(test_limits_of_the_process, remove_files),
	        cmocka_unit_test_teardown(test_every_table_may_be_full, remove_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
