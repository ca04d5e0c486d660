/* segment_file.c — the memory of a segment: made, committed, given to a forked child, let go. See segment.h.
 *
 * Address space is reserved at the full size (a sparse file); pages are committed before a larger `used` is published,
 * because a store to a page that /dev/shm cannot give ends the process with SIGBUS. */
#define _GNU_SOURCE /* mremap */
#include "hr_boot.h"
#include "hr_err.h"
#include "segment_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define PAGE        UINT64_C(4096)
#define CONTROL_OFF 1024                 /* in the first page, behind the header */
#define COMMIT_STEP (UINT64_C(16) << 10) /* one system call for so many bytes of counters */

static uint64_t round_up(uint64_t value, uint64_t step)
{
	return (value + step - 1) / step * step;
}

/* Bytes 0 .. n of a small /proc file; the length read, 0 when it cannot be had. Terminated. */
static size_t read_small(const char *path, char *out, size_t out_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, out, out_bytes - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Field 22 of /proc/self/stat, for readers in any time namespace. The second field, the command's name, may hold blanks
 * and parentheses. */
static uint64_t own_start_ticks(void)
{
	char text[1024];
	read_small("/proc/self/stat", text, sizeof text);
	const char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? hr_boot_ticks(strtoull(at + 1, NULL, 10)) : 0;
}

static void read_boot_id(uint8_t out[16])
{
	char text[64];
	int digits = 0;

	memset(out, 0, 16);
	read_small("/proc/sys/kernel/random/boot_id", text, sizeof text);
	for (const char *at = text; *at && digits < 32; at++) {
		const char *hex = strchr("0123456789abcdef", *at);
		if (!hex)
			continue;
		out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | (hex - "0123456789abcdef"));
		digits++;
	}
}

/* Lays the sections out over `size_bytes`: fixed shares for the tables, what is left for strings. */
static void plan_sections(uint64_t size_bytes, struct hr_section sections[SECTION_COUNT])
{
	const uint32_t ring_bytes = HR_RING * (uint32_t)sizeof(struct hr_snapshot);
	const uint32_t thread_bytes = (uint32_t)sizeof(struct hr_row) + ring_bytes +
	                              HR_RING * THREAD_FRAMES * (uint32_t)sizeof(struct hr_frame);
	const uint32_t task_bytes = (uint32_t)sizeof(struct hr_row) + ring_bytes +
	                            HR_RING * TASK_FRAMES * (uint32_t)sizeof(struct hr_frame);
	uint64_t off = PAGE; /* header and control share the first page */

	static_assert(sizeof(struct hr_header) <= CONTROL_OFF && CONTROL_OFF + sizeof(struct hr_control) <= PAGE,
	              "first page");
	sections[FILES] = (struct hr_section){
	        .kind = HR_KIND_FILES, .elem_bytes = sizeof(struct hr_file), .capacity = size_bytes / 16384};
	sections[CODES] = (struct hr_section){
	        .kind = HR_KIND_CODES, .elem_bytes = sizeof(struct hr_code), .capacity = size_bytes / 1024};
	sections[SLOTS] = (struct hr_section){
	        .kind = HR_KIND_SLOTS, .elem_bytes = sizeof(struct hr_slot), .capacity = size_bytes / 64};
	sections[SLOT_INFOS] = (struct hr_section){
	        .kind = HR_KIND_SLOT_INFOS, .elem_bytes = sizeof(struct hr_slot_info), .capacity = size_bytes / 64};
	sections[THREADS] = (struct hr_section){
	        .kind = HR_KIND_THREADS, .elem_bytes = thread_bytes, .capacity = size_bytes / (256 * 1024)};
	sections[TASKS] =
	        (struct hr_section){.kind = HR_KIND_TASKS, .elem_bytes = task_bytes, .capacity = size_bytes / 65536};
	sections[NOTES] =
	        (struct hr_section){.kind = HR_KIND_NOTES, .elem_bytes = sizeof(struct hr_note), .capacity = 256};
	for (int i = FILES; i < SECTION_COUNT; i++) {
		sections[i].off = off;
		off += round_up(sections[i].capacity * sections[i].elem_bytes, PAGE);
	}
	sections[STRINGS] = (struct hr_section){.kind = HR_KIND_STRINGS, .elem_bytes = 1, .off = off};
	sections[STRINGS].capacity = size_bytes - off < UINT32_MAX ? size_bytes - off : UINT32_MAX;
}

/* The address space to reserve: no more than the limits leave in comfort, or the program's own memory would run out
 * because of us, or ftruncate() would raise SIGXFSZ. */
static uint64_t allowed_size(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && wanted > limit.rlim_cur / 16)
		wanted = limit.rlim_cur / 16;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && wanted > limit.rlim_cur)
		wanted = limit.rlim_cur;
	return wanted / PAGE * PAGE;
}

/* Kernels before 5.14: allocate through a descriptor. It is opened anew each time, since a remembered number may
 * by now be another file of the program's, and it must still be the file that is mapped. */
static int allocate_by_name(struct hrt_segment *segment, uint64_t off, uint64_t bytes)
{
	char path[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];
	struct stat by_name;
	uint64_t instance = 0;
	int err;

	snprintf(path, sizeof path, "%s/%s", HR_SHM_DIR, segment->name);
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return HR_ENOSPC;
	if (fstat(fd, &by_name) != 0 || (uint64_t)by_name.st_size != segment->size_bytes ||
	    pread(fd, &instance, sizeof instance, offsetof(struct hr_header, instance)) != sizeof instance ||
	    instance != ((const struct hr_header *)segment->base)->instance) {
		close(fd);
		return HR_ENOSPC;
	}
	do
		err = posix_fallocate(fd, (off_t)off, (off_t)bytes);
	while (err == EINTR);
	close(fd);
	return err == 0 ? 0 : HR_ENOSPC;
}

static int commit(struct hrt_segment *segment, uint64_t off, uint64_t bytes)
{
	int err;

	do
		err = madvise(segment->base + off, bytes, MADV_POPULATE_WRITE) == 0 ? 0 : errno;
	while (err == EINTR || err == EAGAIN);
	if (err != 0 && err != EFAULT &&
	    err != ENOMEM) /* an old kernel (EINVAL), or a sandbox that knows no such advice */
		return allocate_by_name(segment, off, bytes);
	return err == 0 ? 0 : HR_ENOSPC;
}

int hrt_segment_reserve(struct hrt_segment *segment, int which, uint64_t count)
{
	const struct hr_section *section = &segment->sections[which];
	uint64_t need = count * section->elem_bytes;
	uint64_t have = segment->committed_bytes[which];

	if (segment->detached && !segment->kept)
		return HR_EGONE;
	if (count > section->capacity)
		return HR_EFULL;
	if (segment->detached || need <= have)
		return 0;

	/* A step ahead where it fits, what is needed where it does not. */
	uint64_t limit = round_up(section->capacity * section->elem_bytes, PAGE);
	if (limit > segment->size_bytes - section->off)
		limit = segment->size_bytes - section->off;
	uint64_t exact = round_up(need, PAGE) < limit ? round_up(need, PAGE) : limit;
	uint64_t ahead = round_up(need, COMMIT_STEP) < limit ? round_up(need, COMMIT_STEP) : limit;
	int err = HR_ENOSPC;
	if (segment->sections[which].elem_bytes <= 64)
		err = commit(segment, section->off + have, ahead - have);
	if (err == 0) {
		segment->committed_bytes[which] = ahead;
		return 0;
	}
	err = commit(segment, section->off + have, exact - have);
	if (err == 0)
		segment->committed_bytes[which] = exact;
	return err;
}

/* Who writes it, and since when: what differs between a forked child and its parent. */
static void header_identify(struct hr_header *header, uint64_t start_monotonic_ns, uint64_t instance)
{
	struct stat ns;

	header->instance = instance;
	header->pidns_inode = stat("/proc/self/ns/pid", &ns) == 0 ? ns.st_ino : 0;
	header->start_ticks = own_start_ticks();
	header->pid = (uint32_t)getpid();
	header->parent_pid = (uint32_t)getppid();
	header->uid = geteuid();
	header->start_realtime_ns = clock_ns(CLOCK_REALTIME);
	header->start_monotonic_ns = start_monotonic_ns;
}

static int fill_header(struct hrt_segment *segment, const struct hrt_segment_spec *spec, uint64_t instance)
{
	struct hr_header *header = (struct hr_header *)segment->base;
	int err;

	*header = (struct hr_header){
	        .magic = HR_MAGIC,
	        .major = HR_LAYOUT_MAJOR,
	        .minor = HR_LAYOUT_MINOR,
	        .header_bytes = sizeof *header,
	        .total_bytes = segment->size_bytes,
	        .control_off = (uint64_t)((unsigned char *)segment->control - segment->base),
	        .parent_instance = spec->parent_instance,
	        .python_hex = spec->python_hex,
	        .row_bytes = sizeof(struct hr_row),
	        .snapshot_bytes = sizeof(struct hr_snapshot),
	        .frame_bytes = sizeof(struct hr_frame),
	        .thread_frames = THREAD_FRAMES,
	        .task_frames = TASK_FRAMES,
	        .section_count = SECTION_COUNT,
	};
	header_identify(header, segment->start_monotonic_ns, instance);
	read_boot_id(header->boot_id);
	memcpy(header->sections, segment->sections, sizeof segment->sections);
	if ((err = hrt_segment_put_string(segment, spec->name, &header->name)) != 0 ||
	    (err = hrt_segment_put_string(segment, spec->executable, &header->executable)) != 0 ||
	    (err = hrt_segment_put_string(segment, spec->cwd, &header->cwd)) != 0 ||
	    (err = hrt_segment_put_string(segment, spec->caller, &header->caller)) != 0)
		return err;
	/* An argument list of megabytes is nothing to fail for: it is cut (the drop tells). */
	if (hrt_segment_put_string(segment, spec->argv, &header->argv) == HR_ENOSPC)
		return HR_ENOSPC;
	return 0;
}

/* The file of a segment while it has its temporary name. */
struct making {
	char unfinished[sizeof HR_SHM_DIR + 1 + HR_NAME_BYTES];
	char final_name[HR_NAME_BYTES];
	uint64_t instance;
	bool made;
};

/* Makes and maps the file, locked, its first page committed. `segment` has its size, and gets base, control, instance
 * and the temporary name, under which commit() on an old kernel finds it. */
static int making_begin(struct hrt_segment *segment, struct making *making)
{
	struct hr_name name = {.uid = geteuid(), .pid = (uint32_t)getpid(), .unfinished = true};
	int fd = -1, err = HR_EIO;

	while (name.instance == 0)
		if (getrandom(&name.instance, sizeof name.instance, GRND_NONBLOCK) != sizeof name.instance)
			name.instance =
			        clock_ns(CLOCK_MONOTONIC) ^ (uint64_t)name.pid << 32 ^ (uint64_t)(uintptr_t)segment;
	making->instance = name.instance;
	hr_name_format(&name, segment->name);
	snprintf(making->unfinished, sizeof making->unfinished, "%s/%s", HR_SHM_DIR, segment->name);
	name.unfinished = false;
	hr_name_format(&name, making->final_name);

	fd = open(making->unfinished, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		goto fail;
	making->made = true;
	if (fchmod(fd, 0600) != 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ||
	    ftruncate(fd, (off_t)segment->size_bytes) != 0)
		goto fail;
	/* The mapping keeps the lock: the descriptor can go, out of reach of the program's os.closerange(). */
	segment->base = mmap(NULL, segment->size_bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (segment->base == MAP_FAILED)
		goto fail;
	/* After mlockall(MCL_FUTURE) the kernel fills a new mapping that may be touched, here all of the reserve. */
	munlock(segment->base, segment->size_bytes);
	if (mprotect(segment->base, segment->size_bytes, PROT_READ | PROT_WRITE) != 0)
		goto fail;
	do
		err = posix_fallocate(fd, 0, (off_t)PAGE);
	while (err == EINTR);
	close(fd);
	if (err != 0)
		return HR_ENOSPC;
	segment->control = (struct hr_control *)(segment->base + CONTROL_OFF);
	segment->start_monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	((struct hr_header *)segment->base)->instance = making->instance;
	return 0;

fail:
	err = errno == ENOSPC || errno == EDQUOT ? HR_ENOSPC : HR_EIO;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return err;
}

/* Everything is in place: readers may see it. */
static int making_finish(struct hrt_segment *segment, const struct making *making)
{
	char final[sizeof making->unfinished];

	snprintf(final, sizeof final, "%s/%s", HR_SHM_DIR, making->final_name);
	memcpy(segment->name, making->final_name, sizeof segment->name);
	hrt_segment_advance_tick(segment);
	hr_state_publish(&segment->control->state, HR_STATE_LIVE);
	return rename(making->unfinished, final) == 0 ? 0 : HR_EIO;
}

/* Keeps errno. */
static void making_undo(struct hrt_segment *segment, const struct making *making)
{
	int saved = errno;

	if (making->made)
		unlink(making->unfinished);
	if (segment->base != MAP_FAILED)
		munmap(segment->base, segment->size_bytes);
	errno = saved;
}

int hrt_segment_create(const struct hrt_segment_spec *spec, struct hrt_segment **out)
{
	struct making making = {.made = false};
	struct hrt_segment *segment = NULL;
	int err;

	if (spec->size_bytes < HRT_SEGMENT_MIN_BYTES)
		return HR_EARG;
	segment = calloc(1, sizeof *segment);
	if (!segment)
		return HR_ENOMEM;
	segment->base = MAP_FAILED;
	segment->size_bytes = allowed_size(spec->size_bytes);
	if (segment->size_bytes < HRT_SEGMENT_MIN_BYTES) {
		errno = ENOMEM;
		err = HR_EIO;
		goto fail;
	}
	plan_sections(segment->size_bytes, segment->sections);
	if ((err = making_begin(segment, &making)) != 0 || (err = fill_header(segment, spec, making.instance)) != 0 ||
	    (err = making_finish(segment, &making)) != 0)
		goto fail;
	*out = segment;
	return 0;

fail:
	making_undo(segment, &making);
	free(segment);
	return err;
}

void hrt_segment_free(struct hrt_segment *segment)
{
	munmap(segment->base, segment->size_bytes);
	free(segment);
}

/* Copies a table of the parent, who may be adding to it, to the same place in `memory`. */
static void keep_table(unsigned char *memory, const struct hrt_segment *segment, int which, uint64_t count)
{
	struct hr_control *control = (struct hr_control *)(memory + CONTROL_OFF);
	const struct hr_section *section = &segment->sections[which];

	memcpy(memory + section->off, segment->base + section->off, count * section->elem_bytes);
	hr_put64(&control->used[which], count);
}

/* What is hit, running and noted is the parent's own; the rest a forked child takes along. A table is looked at before
 * those that its elements point into: whatever the parent adds meanwhile, nothing points past an end. */
static void keep_tables(unsigned char *memory, const struct hrt_segment *segment)
{
	struct hr_control *control = (struct hr_control *)(memory + CONTROL_OFF);
	const struct hr_control *parents = segment->control;

	memcpy(memory, segment->base, sizeof(struct hr_header));
	keep_table(memory, segment, CODES, hr_used_load(&parents->used[CODES]));
	hr_put64(&control->used[SLOTS], hr_used_load(&parents->used[SLOTS]));
	keep_table(memory, segment, SLOT_INFOS, hr_load64(&control->used[SLOTS]));
	keep_table(memory, segment, FILES, hr_used_load(&parents->used[FILES]));
	keep_table(memory, segment, STRINGS, hr_used_load(&parents->used[STRINGS]));
	hr_put64(&control->tick, 1); /* of hits up to hrt_segment_adopt(): they come before all others */
}

void hrt_segment_detach(struct hrt_segment *segment, bool keep)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	unsigned char *memory = MAP_FAILED;

	keep = keep && (!segment->detached || segment->kept);
	segment->detached = true;
	segment->kept = false;
	segment->row_hint[0] = segment->row_hint[1] = 0;
	if (keep)
		memory = mmap(NULL, segment->size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory != MAP_FAILED) {
		keep_tables(memory, segment);
		segment->kept = mremap(memory, segment->size_bytes, segment->size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		                       segment->base) == segment->base;
	}
	if (!segment->kept) /* if that fails as well, nothing else is left to try */
		(void)mmap(segment->base, segment->size_bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
}

int hrt_segment_adopt(struct hrt_segment *segment)
{
	const struct hr_header *parents = (const struct hr_header *)segment->base;
	struct making making = {.made = false};
	struct hrt_segment own = *segment;
	struct hr_header *header;
	int err;

	if (!segment->detached || !segment->kept)
		return HR_EGONE;
	own.detached = own.kept = false;
	own.base = MAP_FAILED;
	memset(own.committed_bytes, 0, sizeof own.committed_bytes);
	err = making_begin(&own, &making);
	if (err != 0)
		goto fail;
	header = (struct hr_header *)own.base;
	*header = *parents;
	header->parent_instance = parents->instance;
	header_identify(header, own.start_monotonic_ns, making.instance);
	for (int i = 0; i < SECTION_COUNT; i++) {
		if ((err = hrt_segment_reserve(&own, i, used(segment, i))) != 0)
			goto fail;
		keep_table(own.base, segment, i, used(segment, i));
	}
	for (int i = 0; i < HR_DROP_COUNT; i++)
		hr_put64(&own.control->drops[i], hr_load64(&segment->control->drops[i]));
	err = making_finish(&own, &making);
	if (err != 0)
		goto fail;
	if (mremap(own.base, own.size_bytes, own.size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, segment->base) !=
	    segment->base) {
		snprintf(making.unfinished, sizeof making.unfinished, "%s/%s", HR_SHM_DIR, own.name);
		err = HR_EIO;
		goto fail;
	}
	own.base = segment->base;
	own.control = segment->control;
	*segment = own;
	return 0;

fail:
	making_undo(&own, &making);
	return err;
}
