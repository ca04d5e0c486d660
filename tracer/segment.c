/* segment.c — the writer's side of a segment; see segment.h.
 *
 * Owns the mapping, the section capacities and what is committed of each section. Address space is reserved at
 * the full size (a sparse file); pages are committed before a larger `used` is published, because a store to a page
 * that /dev/shm cannot give ends the process with SIGBUS. */
#define _GNU_SOURCE /* mremap */
#include "segment.h"

#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define THREAD_FRAMES 256
#define TASK_FRAMES   32
#define PAGE          UINT64_C(4096)
#define CONTROL_OFF   1024                 /* in the first page, behind the header */
#define COMMIT_STEP   (UINT64_C(64) << 10) /* one system call for so many bytes of counters */

enum { STRINGS, FILES, CODES, SLOTS, SLOT_INFOS, THREADS, TASKS, NOTES, SECTION_COUNT };

struct hrt_segment {
	unsigned char *base;
	uint64_t size_bytes;
	struct hr_control *control;
	struct hr_section sections[SECTION_COUNT];
	uint64_t committed_bytes[SECTION_COUNT]; /* from the section's start, whole pages */
	uint64_t row_hint[2];                    /* threads, tasks: no row below it is free */
	uint64_t start_monotonic_ns;
	bool detached; /* a forked child's: the mapping is private memory that nobody reads */
	bool kept;     /* and has the tables of the parent in it: registration and counting go on */
	char name[HR_NAME_BYTES];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

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

/* Field 22 of /proc/self/stat. The second field, the command's name, may hold blanks and parentheses. */
static uint64_t own_start_ticks(void)
{
	char text[1024];
	read_small("/proc/self/stat", text, sizeof text);
	const char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
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
	if (err == EINVAL)
		return allocate_by_name(segment, off, bytes);
	return err == 0 ? 0 : HR_ENOSPC;
}

/* Makes elements [0, count) of a section safe to store to. */
static int reserve(struct hrt_segment *segment, int which, uint64_t count)
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

static uint64_t used(const struct hrt_segment *segment, int which)
{
	return hr_load64(&segment->control->used[which]);
}

/* Room for `count` more elements behind the published ones, or NULL with a drop counted. */
static void *room(struct hrt_segment *segment, int which, uint64_t count, enum hr_drop drop, int *err_out)
{
	uint64_t at = used(segment, which);
	int err = count > segment->sections[which].capacity ? HR_EFULL : reserve(segment, which, at + count);

	if (err != 0) {
		if (err == HR_ENOSPC)
			hrt_segment_drop(segment, HR_DROP_MEMORY, 1);
		hrt_segment_drop(segment, drop, 1);
		*err_out = err;
		return NULL;
	}
	return segment->base + segment->sections[which].off + at * segment->sections[which].elem_bytes;
}

static void publish(struct hrt_segment *segment, int which, uint64_t count)
{
	hr_used_publish(&segment->control->used[which], used(segment, which) + count);
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
	segment->base = mmap(NULL, segment->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (segment->base == MAP_FAILED)
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

void hrt_segment_close(struct hrt_segment *segment, enum hr_end end)
{
	struct hr_control *control = segment->control;

	if (segment->detached || hr_load32(&control->state) == HR_STATE_CLOSED)
		return;
	hrt_segment_advance_tick(segment);
	hr_put32(&control->end, end);
	hr_put64(&control->end_realtime_ns, clock_ns(CLOCK_REALTIME));
	hr_state_publish(&control->state, HR_STATE_CLOSED);
}

void hrt_segment_reopen(struct hrt_segment *segment)
{
	if (segment->detached || hr_load32(&segment->control->state) != HR_STATE_CLOSED)
		return;
	hr_put32(&segment->control->end, HR_END_UNKNOWN);
	hr_put64(&segment->control->end_realtime_ns, 0);
	hr_state_publish(&segment->control->state, HR_STATE_LIVE);
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

	segment->detached = true;
	segment->kept = false;
	if (keep)
		memory = mmap(NULL, segment->size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory != MAP_FAILED) {
		keep_tables(memory, segment);
		segment->kept = mremap(memory, segment->size_bytes, segment->size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		                       segment->base) == segment->base;
	}
	if (!segment->kept)
		mmap(segment->base, segment->size_bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
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
		if ((err = reserve(&own, i, used(segment, i))) != 0)
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

int hrt_segment_put_string(struct hrt_segment *segment, struct hrt_text text, struct hr_str *out)
{
	int err = 0;

	if (text.len_bytes == 0) {
		*out = (struct hr_str){0, 0};
		return 0;
	}
	char *at = room(segment, STRINGS, text.len_bytes, HR_DROP_STRINGS, &err);
	if (!at)
		return err;
	memcpy(at, text.bytes, text.len_bytes);
	*out = (struct hr_str){(uint32_t)used(segment, STRINGS), (uint32_t)text.len_bytes};
	publish(segment, STRINGS, text.len_bytes);
	return 0;
}

int hrt_segment_make_room(struct hrt_segment *segment, enum hr_kind kind, uint64_t count)
{
	int err = 0;

	room(segment,
	     kind == HR_KIND_FILES   ? FILES
	     : kind == HR_KIND_CODES ? CODES
	                             : SLOTS,
	     count, kind == HR_KIND_FILES ? HR_DROP_FILES : HR_DROP_CODES, &err);
	return err;
}

int hrt_segment_put_file(struct hrt_segment *segment, const struct hr_file *file, uint32_t *index_out)
{
	int err = 0;
	struct hr_file *at = room(segment, FILES, 1, HR_DROP_FILES, &err);

	if (!at)
		return err;
	*at = *file;
	*index_out = (uint32_t)used(segment, FILES);
	publish(segment, FILES, 1);
	return 0;
}

int hrt_segment_put_code(struct hrt_segment *segment, struct hr_code *code, const uint32_t *lines, uint32_t count,
                         uint32_t *index_out)
{
	int err = 0;
	struct hr_code *at = room(segment, CODES, 1, HR_DROP_CODES, &err);

	if (!at)
		return err;
	if (count > 0) {
		struct hr_slot *slots = room(segment, SLOTS, count, HR_DROP_CODES, &err);
		struct hr_slot_info *infos = slots ? room(segment, SLOT_INFOS, count, HR_DROP_CODES, &err) : NULL;
		if (!infos)
			return err;
		code->slot_first = (uint32_t)used(segment, SLOTS);
		for (uint32_t i = 0; i < count; i++)
			infos[i] = (struct hr_slot_info){.line = lines[i]};
		publish(segment, SLOT_INFOS, count);
		publish(segment, SLOTS, count);
	}
	code->slot_count = count;
	*at = *code;
	*index_out = (uint32_t)used(segment, CODES);
	publish(segment, CODES, 1);
	return 0;
}

int hrt_segment_put_note(struct hrt_segment *segment, enum hr_note_kind kind, struct hrt_text text)
{
	struct hr_note note = {.kind = kind, .tick = hr_load64(&segment->control->tick)};
	int err = hrt_segment_put_string(segment, text, &note.text);
	struct hr_note *at = err == 0 ? room(segment, NOTES, 1, HR_DROP_NOTES, &err) : NULL;

	if (!at)
		return err;
	*at = note;
	publish(segment, NOTES, 1);
	return 0;
}

void hrt_segment_drop(struct hrt_segment *segment, enum hr_drop drop, uint64_t n)
{
	hr_count(&segment->control->drops[drop], n);
}

static int rows_of(enum hr_kind kind)
{
	return kind == HR_KIND_TASKS ? TASKS : THREADS;
}

static uint64_t *hint_of(struct hrt_segment *segment, enum hr_kind kind)
{
	return &segment->row_hint[kind == HR_KIND_TASKS];
}

struct hr_row *hrt_segment_take_row(struct hrt_segment *segment, enum hr_kind kind, uint64_t ident, uint64_t native_id)
{
	int which = rows_of(kind), err = 0;
	const struct hr_section *section = &segment->sections[which];
	uint64_t *hint = hint_of(segment, kind), n = used(segment, which);
	struct hr_row *row;

	for (; *hint < n; ++*hint) {
		row = (struct hr_row *)(segment->base + section->off + *hint * section->elem_bytes);
		if (hr_load64(&row->generation) % 2 == 0) {
			hr_row_take(row, ident, native_id);
			++*hint;
			return row;
		}
	}
	row = room(segment, which, 1, which == TASKS ? HR_DROP_TASKS : HR_DROP_THREADS, &err);
	if (!row)
		return NULL;
	hr_row_take(row, ident, native_id);
	publish(segment, which, 1);
	return row;
}

void hrt_segment_give_row(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row)
{
	const struct hr_section *section = &segment->sections[rows_of(kind)];
	uint64_t at = (uint64_t)((unsigned char *)row - segment->base - section->off) / section->elem_bytes;
	uint64_t *hint = hint_of(segment, kind);

	hr_row_give_back(row);
	if (at < *hint)
		*hint = at;
}

static struct hr_snapshot *snapshot_at(enum hr_kind kind, struct hr_row *row, uint64_t seq)
{
	uint32_t capacity = kind == HR_KIND_TASKS ? TASK_FRAMES : THREAD_FRAMES;
	size_t snapshot_bytes = sizeof(struct hr_snapshot) + capacity * sizeof(struct hr_frame);

	return (struct hr_snapshot *)((unsigned char *)row + sizeof *row + seq % HR_RING * snapshot_bytes);
}

void hrt_segment_put_stack(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row,
                           const struct hrt_stack *stack)
{
	uint64_t seq = hr_load64(&row->published) + 1;
	struct hr_snapshot *at = snapshot_at(kind, row, seq);
	struct hr_frame *frames = (struct hr_frame *)(at + 1);

	hr_snapshot_begin(at);
	hr_put64(&at->tick, hr_load64(&segment->control->tick));
	hr_put64(&at->since_tick, stack->since_tick);
	hr_put32(&at->depth, stack->depth);
	hr_put32(&at->frame_count, stack->frame_count);
	hr_put32(&at->elided_at, stack->elided_at);
	hr_put32(&at->run_state, stack->run_state);
	hr_name_put(at->name, stack->name, stack->name_bytes);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		hr_put32(&frames[i].code, stack->frames[i].code);
		hr_put32(&frames[i].line, stack->frames[i].line);
		hr_put32(&frames[i].end_line, stack->frames[i].end_line);
		hr_put32(&frames[i].col, stack->frames[i].col);
		hr_put32(&frames[i].end_col, stack->frames[i].end_col);
	}
	hr_snapshot_publish(row, at, seq);
}

void hrt_segment_touch_stack(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row)
{
	struct hr_snapshot *at = snapshot_at(kind, row, hr_load64(&row->published));

	hr_put64(&at->tick, hr_load64(&segment->control->tick));
}

uint64_t hrt_segment_advance_tick(struct hrt_segment *segment)
{
	uint64_t tick = (clock_ns(CLOCK_MONOTONIC) - segment->start_monotonic_ns) / 1000000;

	if (tick == HR_TICK_NEVER)
		tick = 1; /* a hit in the first millisecond has a time too */
	hr_put64(&segment->control->tick, tick);
	return tick;
}

struct hr_slot *hrt_segment_slots(struct hrt_segment *segment)
{
	return (struct hr_slot *)(segment->base + segment->sections[SLOTS].off);
}

struct hr_control *hrt_segment_control(struct hrt_segment *segment)
{
	return segment->control;
}

const struct hr_header *hrt_segment_header(const struct hrt_segment *segment)
{
	return (const struct hr_header *)segment->base;
}

const char *hrt_segment_name(const struct hrt_segment *segment)
{
	return segment->name;
}
