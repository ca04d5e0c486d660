/* test_fork.c — a segment in a forked child: private from the first moment, then the child's own with all it counted.
 */
#include "test.h"

#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "segment.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (UINT64_C(4) << 20)

static struct hrt_text text(const char *bytes)
{
	return (struct hrt_text){bytes, strlen(bytes)};
}

static struct hrt_segment *make(void)
{
	const struct hrt_segment_spec spec = {.size_bytes = SIZE, .name = text("forks"), .caller = text("/a.py")};
	struct hrt_segment *segment;

	assert_int_equal(hrt_segment_create(&spec, &segment), 0);
	return segment;
}

static uint32_t put_code(struct hrt_segment *segment, const char *name)
{
	const uint32_t lines[] = {1, 2, 3};
	struct hr_code code = {.first_line = 1};
	uint32_t index;

	assert_int_equal(hrt_segment_put_string(segment, text(name), &code.qualname), 0);
	assert_int_equal(hrt_segment_put_code(segment, &code, lines, 3, 0, &index), 0);
	return code.slot_first;
}

static void hit(struct hrt_segment *segment, uint32_t slot, unsigned times)
{
	while (times-- > 0)
		hr_slot_hit(&hrt_segment_slots(segment)[slot], &hrt_segment_control(segment)->tick);
}

static uint64_t hits(struct hrt_segment *segment, uint32_t slot)
{
	return hr_load64(&hrt_segment_slots(segment)[slot].hits);
}

/* Whether nobody holds the lock of the file that the segment is named after. */
static bool unlocked(const char *name)
{
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];

	snprintf(path, sizeof path, "%s/%s", HR_SHM_DIR, name);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	bool free = flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return free;
}

static void drop_file(const char *name)
{
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];

	snprintf(path, sizeof path, "%s/%s", HR_SHM_DIR, name);
	assert_int_equal(unlink(path), 0);
}

/* Runs `child` in a fork; it must return 0. cmocka's asserts would end in the parent's list of tests. */
static void in_child(struct hrt_segment *segment, int (*child)(struct hrt_segment *segment))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(child(segment));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define CHECK(condition)                                                                                               \
	if (!(condition)) {                                                                                            \
		fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                                \
		return __LINE__ % 255 + 1;                                                                             \
	}

static int counts_into_nothing(struct hrt_segment *segment)
{
	uint32_t index = 0;
	struct hr_file file = {.flags = HR_FILE_TRACED};

	hrt_segment_detach(segment, false);
	CHECK(hits(segment, 0) == 0);
	hit(segment, 0, 1000);
	CHECK(hrt_segment_put_file(segment, &file, &index) == HR_EGONE);
	CHECK(hrt_segment_adopt(segment) == HR_EGONE);
	hrt_segment_close(segment, HR_END_EXIT);
	return 0;
}

static void test_a_child_counts_into_nothing(void **state)
{
	struct hrt_segment *segment = make();

	(void)state;
	put_code(segment, "f");
	hit(segment, 0, 5);
	in_child(segment, counts_into_nothing);
	assert_int_equal(hits(segment, 0), 5);
	assert_int_equal(hr_state_load(&hrt_segment_control(segment)->state), HR_STATE_LIVE);
	drop_file(hrt_segment_name(segment));
	hrt_segment_free(segment);
}

static int adopts(struct hrt_segment *segment)
{
	const struct hr_header *header = hrt_segment_header(segment);
	struct hr_slot *slots = hrt_segment_slots(segment);
	uint64_t parent = header->instance;
	char parents_name[HR_NAME_BYTES];

	snprintf(parents_name, sizeof parents_name, "%s", hrt_segment_name(segment));
	hrt_segment_detach(segment, true);
	hit(segment, 1, 7);
	CHECK(hits(segment, 0) == 0);
	CHECK(put_code(segment, "new in the child") == 3);
	hit(segment, 3, 9);
	CHECK(hrt_segment_adopt(segment) == 0);
	CHECK(hrt_segment_adopt(segment) == HR_EGONE); /* once */
	CHECK(strcmp(parents_name, hrt_segment_name(segment)) != 0);
	CHECK(hrt_segment_header(segment) == header && hrt_segment_slots(segment) == slots);
	CHECK(header->parent_instance == parent && header->instance != parent);
	CHECK(header->pid == (uint32_t)getpid() && header->parent_pid == (uint32_t)getppid());
	CHECK(!unlocked(hrt_segment_name(segment)));
	CHECK(hits(segment, 0) == 0 && hits(segment, 1) == 7 && hits(segment, 3) == 9);
	CHECK(hr_load64(&slots[1].last_tick) == 1);
	hit(segment, 0, 2);
	CHECK(put_code(segment, "later") == 6);
	hit(segment, 8, 4);

	/* All of it is in the file, and the rows begin anew. */
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];
	snprintf(path, sizeof path, "%s/%s", HR_SHM_DIR, hrt_segment_name(segment));
	int fd = open(path, O_RDONLY);
	const unsigned char *file = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(file != MAP_FAILED);
	const struct hr_header *read = (const struct hr_header *)file;
	const struct hr_control *control = (const struct hr_control *)(file + read->control_off);
	CHECK(hr_state_load(&control->state) == HR_STATE_LIVE);
	for (uint32_t i = 0; i < read->section_count; i++) {
		const struct hr_section *section = &read->sections[i];
		uint64_t used = hr_used_load(&control->used[i]);
		if (section->kind == HR_KIND_CODES)
			CHECK(used == 3);
		if (section->kind == HR_KIND_THREADS || section->kind == HR_KIND_NOTES)
			CHECK(used == 0);
		if (section->kind == HR_KIND_SLOTS) {
			const struct hr_slot *seen = (const struct hr_slot *)(file + section->off);
			CHECK(used == 9 && hr_load64(&seen[1].hits) == 7 && hr_load64(&seen[8].hits) == 4);
		}
		if (section->kind == HR_KIND_SLOT_INFOS) {
			const struct hr_slot_info *infos = (const struct hr_slot_info *)(file + section->off);
			CHECK(used == 9 && infos[0].line == 1 && infos[5].line == 3);
		}
	}
	CHECK(hrt_segment_take_row(segment, HR_KIND_THREADS, 1, 2) != NULL);
	CHECK(unlink(path) == 0);
	return 0;
}

static void test_a_child_has_a_segment_of_its_own(void **state)
{
	struct hrt_segment *segment = make();

	(void)state;
	put_code(segment, "f");
	hit(segment, 0, 5);
	hrt_segment_put_note(segment, HR_NOTE_TROUBLE, text("the parent's"));
	assert_non_null(hrt_segment_take_row(segment, HR_KIND_THREADS, 1, 2));
	in_child(segment, adopts);
	assert_int_equal(hits(segment, 0), 5);
	assert_int_equal(hits(segment, 1), 0);
	drop_file(hrt_segment_name(segment));
	hrt_segment_free(segment);
}

static int forks_again(struct hrt_segment *segment)
{
	hrt_segment_detach(segment, true);
	if (fork() == 0) {
		hit(segment, 0, 1);
		hrt_segment_detach(segment, true); /* nobody asked for the first one yet */
		CHECK(hits(segment, 0) == 0);
		CHECK(hrt_segment_adopt(segment) == 0);
		drop_file(hrt_segment_name(segment));
		_exit(0);
	}
	int status;
	wait(&status);
	return status;
}

static void test_a_child_of_a_child_that_was_not_settled(void **state)
{
	struct hrt_segment *segment = make();

	(void)state;
	put_code(segment, "f");
	in_child(segment, forks_again);
	drop_file(hrt_segment_name(segment));
	hrt_segment_free(segment);
}

static int has_no_room(struct hrt_segment *segment)
{
	const struct rlimit none = {0, 0};

	hrt_segment_detach(segment, true);
	hit(segment, 0, 3);
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	CHECK(hrt_segment_adopt(segment) == HR_EIO);
	CHECK(hits(segment, 0) == 3);
	hit(segment, 0, 3); /* still good */
	return 0;
}

static void test_a_child_that_gets_no_file_goes_on(void **state)
{
	struct hrt_segment *segment = make();

	(void)state;
	put_code(segment, "f");
	in_child(segment, has_no_room);
	assert_int_equal(hits(segment, 0), 0);
	assert_false(unlocked(hrt_segment_name(segment)));
	drop_file(hrt_segment_name(segment));
	hrt_segment_free(segment);
}

static int keeps_no_lock(struct hrt_segment *segment)
{
	char name[HR_NAME_BYTES];

	snprintf(name, sizeof name, "%s", hrt_segment_name(segment));
	pid_t pid = fork();
	if (pid == 0) {
		hrt_segment_detach(segment, true);
		hrt_segment_free(segment);
		pause();
	}
	munmap((void *)(uintptr_t)hrt_segment_header(segment), SIZE); /* as if this process were gone */
	bool free = false;
	for (int i = 0; i < 5000 && !free; i++) {
		free = unlocked(name);
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	drop_file(name);
	return !free;
}

static int owns_one_and_lets_it_go(struct hrt_segment *segment)
{
	hrt_segment_detach(segment, false);
	return keeps_no_lock(make());
}

static void test_a_child_does_not_keep_a_dead_parents_lock(void **state)
{
	struct hrt_segment *segment = make();

	(void)state;
	in_child(segment, owns_one_and_lets_it_go);
	drop_file(hrt_segment_name(segment));
	hrt_segment_free(segment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_child_counts_into_nothing),
	        cmocka_unit_test(test_a_child_has_a_segment_of_its_own),
	        cmocka_unit_test(test_a_child_of_a_child_that_was_not_settled),
	        cmocka_unit_test(test_a_child_that_gets_no_file_goes_on),
	        cmocka_unit_test(test_a_child_does_not_keep_a_dead_parents_lock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
