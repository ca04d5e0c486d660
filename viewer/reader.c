/* reader.c — see reader.h. */
#include "reader.h"

#include "elsewhere.h"
#include "guard.h"
#include "hr_atomic.h"
#include "hr_err.h"
#include "hr_name.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* More elements than this are not believed: a viewer must not be made to copy gigabytes. The tracer's default segment
 * has room for 4 million lines. */
#define COUNT_MAX      (UINT32_C(1) << 24)
#define TEXT_MAX_BYTES (UINT32_C(16) << 20) /* one text: a source that the program carries */

struct hrv_reader {
	int fd; /* read-only, for the lock and the size */
	const unsigned char *base;
	const struct hr_control *control;
	struct hrv_layout layout;
	uid_t owner;
	dev_t device;
	uint32_t pid_here, neighbour; /* see reader.h */
	char why[HRV_WHY_BYTES];
};

/* Runs a copying job on the mapping; the file may have been truncated under it. */
static int guarded(struct hrv_reader *reader, int (*job)(void *arg), void *arg)
{
	int err = hrv_guard_run(reader->base, reader->layout.header.total_bytes, job, arg);

	if (err == HR_ECORRUPT && !reader->why[0])
		snprintf(reader->why, sizeof reader->why, "truncated while it was read");
	return err;
}

static const struct hr_section *section_of(const struct hrv_reader *reader, enum hr_kind kind)
{
	int at = reader->layout.section_of[kind];
	return at >= 0 ? &reader->layout.header.sections[at] : NULL;
}

/* ---- open and close ---- */

static int open_file(int dir_fd, const char *file_name, int *fd_out, char why[HRV_WHY_BYTES])
{
	int fd = openat(dir_fd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0) {
		int err = errno == ENOENT                                       ? HR_EGONE
		          : errno == ELOOP || errno == EACCES || errno == EPERM ? HR_EPERM
		                                                                : HR_EIO;
		snprintf(why, HRV_WHY_BYTES, "%s", errno == ELOOP ? "it is a symbolic link" : strerror(errno));
		return err;
	}
	*fd_out = fd;
	return 0;
}

static int judge_file(int fd, uid_t owner, struct stat *st, char why[HRV_WHY_BYTES])
{
	const char *wrong = NULL;

	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
		wrong = "it is not a regular file";
	else if (st->st_uid != geteuid() && geteuid() != 0)
		wrong = "it belongs to another user";
	else if (st->st_mode & (S_IWGRP | S_IWOTH))
		wrong = "other users can write it";
	else if (st->st_uid != owner) {
		snprintf(why, HRV_WHY_BYTES, "name, header and owner do not agree on whose it is");
		return HR_ECORRUPT;
	}
	if (!wrong)
		return 0;
	snprintf(why, HRV_WHY_BYTES, "%s", wrong);
	return HR_EPERM;
}

static int read_header(int fd, const struct stat *st, const char *file_name, struct hrv_layout *out,
                       char why[HRV_WHY_BYTES])
{
	unsigned char bytes[sizeof(struct hr_header)];
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	struct hr_name name;

	if (n < 0) {
		snprintf(why, HRV_WHY_BYTES, "%s", strerror(errno));
		return HR_EIO;
	}
	int err = hrv_header_judge(bytes, (size_t)n, (uint64_t)st->st_size, out, why);
	if (err != 0)
		return err;
	const struct hr_header *header = &out->header;
	if (hr_name_parse(file_name, &name) != 0 || name.instance != header->instance || name.pid != header->pid ||
	    name.uid != header->uid) {
		snprintf(why, HRV_WHY_BYTES, "name, header and owner do not agree on whose it is");
		return HR_ECORRUPT;
	}
	return 0;
}

struct state_job {
	const struct hr_control *control;
	uint32_t state;
};

static int load_state(void *arg)
{
	struct state_job *job = arg;
	job->state = hr_state_load(&job->control->state); /* pairs with hr_state_publish() */
	return 0;
}

int hrv_reader_open(int dir_fd, const char *file_name, struct hrv_reader **out, char why[HRV_WHY_BYTES])
{
	struct hr_name name;
	int fd, err = open_file(dir_fd, file_name, &fd, why);

	if (err != 0)
		return err;
	/* Another name than ours: the header is judged first, and then disagrees. */
	return hrv_reader_adopt(fd, file_name, hr_name_parse(file_name, &name) == 0 ? name.uid : geteuid(), out, why);
}

int hrv_reader_adopt(int fd, const char *file_name, uid_t owner, struct hrv_reader **out, char why[HRV_WHY_BYTES])
{
	struct hrv_reader *reader = calloc(1, sizeof *reader);
	struct stat st;
	int err;

	if (!reader) {
		snprintf(why, HRV_WHY_BYTES, "%s", hr_err_text(HR_ENOMEM));
		close(fd);
		return HR_ENOMEM;
	}
	reader->fd = fd;
	err = judge_file(fd, owner, &st, why);
	if (err != 0)
		goto fail;
	reader->owner = st.st_uid;
	reader->device = st.st_dev;
	err = read_header(reader->fd, &st, file_name, &reader->layout, why);
	if (err != 0)
		goto fail;
	void *base = mmap(NULL, reader->layout.header.total_bytes, PROT_READ, MAP_SHARED, reader->fd, 0);
	if (base == MAP_FAILED) {
		snprintf(why, HRV_WHY_BYTES, "it cannot be mapped (%" PRIu64 " bytes): %s",
		         reader->layout.header.total_bytes, strerror(errno));
		err = HR_EIO;
		goto fail;
	}
	reader->base = base;
	hrv_guard_init();
	reader->control = (const struct hr_control *)(reader->base + reader->layout.header.control_off);
	struct state_job job = {.control = reader->control};
	err = guarded(reader, load_state, &job);
	if (err == 0 && job.state != HR_STATE_LIVE && job.state != HR_STATE_CLOSED) {
		err = job.state == HR_STATE_INIT ? HR_EAGAIN : HR_ECORRUPT;
		snprintf(reader->why, sizeof reader->why, "its state is %" PRIu32, job.state);
	}
	if (err != 0) {
		snprintf(why, HRV_WHY_BYTES, "%s", reader->why);
		goto fail;
	}
	*out = reader;
	return 0;

fail:
	hrv_reader_close(reader);
	return err;
}

void hrv_reader_close(struct hrv_reader *reader)
{
	if (!reader)
		return;
	if (reader->base)
		munmap((void *)reader->base, reader->layout.header.total_bytes);
	if (reader->fd >= 0)
		close(reader->fd);
	free(reader);
}

const struct hr_header *hrv_reader_header(const struct hrv_reader *reader)
{
	return &reader->layout.header;
}

const char *hrv_reader_why(const struct hrv_reader *reader)
{
	return reader->why;
}

int hrv_reader_blame(struct hrv_reader *reader, const char *why)
{
	snprintf(reader->why, sizeof reader->why, "%s", why);
	return HR_ECORRUPT;
}

/* ---- life ---- */

/* A writer holds its lock as long as it lives, and its forked children could do so longer. */
static bool lock_is_held(const struct hrv_reader *reader)
{
	if (flock(reader->fd, LOCK_SH | LOCK_NB) != 0)
		return true;
	flock(reader->fd, LOCK_UN);
	return false;
}

static enum hrv_life life_of(struct hrv_reader *reader)
{
	const struct hr_header *header = &reader->layout.header;
	struct state_job job = {.control = reader->control};
	struct stat st;
	uint64_t start_ticks;

	if (fstat(reader->fd, &st) != 0 || (uint64_t)st.st_size < header->total_bytes) {
		hrv_reader_blame(reader, "truncated");
		return HRV_CORRUPT;
	}
	bool held = lock_is_held(reader);
	/* After the lock: what was closed before the lock went is then seen as closed. */
	if (guarded(reader, load_state, &job) != 0)
		return HRV_CORRUPT;
	if (job.state == HR_STATE_CLOSED)
		return HRV_CLOSED;
	if (job.state != HR_STATE_LIVE) {
		snprintf(reader->why, sizeof reader->why, "its state is %" PRIu32, job.state);
		return HRV_CORRUPT;
	}
	if (!held)
		return HRV_DEAD;
	if (hrv_reader_is_elsewhere(reader)) {
		const struct hrv_process_id id = {header->pidns_inode, header->pid, header->start_ticks};
		if (reader->pid_here == 0 || !hrv_process_is(reader->pid_here, &id))
			reader->pid_here = hrv_neighbour_find(&id);
		return reader->pid_here != 0 ? HRV_LIVE : HRV_UNKNOWN;
	}
	switch (hrv_process_start(header->pid, &start_ticks)) {
	case 0:
		if (header->start_ticks != 0 && header->start_ticks != start_ticks)
			return HRV_DEAD;
		reader->pid_here = header->pid;
		return HRV_LIVE;
	case HR_EGONE:
		return HRV_DEAD;
	default:
		return HRV_UNKNOWN;
	}
}

enum hrv_life hrv_reader_life(struct hrv_reader *reader)
{
	enum hrv_life life = life_of(reader);

	if (life != HRV_LIVE)
		reader->pid_here = 0;
	return life;
}

uint32_t hrv_reader_pid(const struct hrv_reader *reader)
{
	return reader->pid_here;
}

bool hrv_reader_is_elsewhere(const struct hrv_reader *reader)
{
	uint64_t ours = hrv_process_pidns(), theirs = reader->layout.header.pidns_inode;

	return ours != 0 && theirs != 0 && ours != theirs;
}

uid_t hrv_reader_owner(const struct hrv_reader *reader)
{
	return reader->owner;
}

dev_t hrv_reader_device(const struct hrv_reader *reader)
{
	return reader->device;
}

void hrv_reader_set_neighbour(struct hrv_reader *reader, uint32_t pid)
{
	reader->neighbour = pid;
}

uint32_t hrv_reader_neighbour(const struct hrv_reader *reader)
{
	return reader->neighbour;
}

/* ---- copies ---- */

struct status_job {
	const struct hr_control *control;
	struct hrv_status *out;
};

static int copy_status(void *arg)
{
	const struct status_job *job = arg;
	const struct hr_control *control = job->control;
	struct hrv_status *out = job->out;

	(void)hr_state_load(&control->state); /* once it says closed, `end` and its time are seen too */
	out->tick = hr_load64(&control->tick);
	out->end = hr_load32(&control->end);
	out->end_realtime_ns = hr_load64(&control->end_realtime_ns);
	out->sampler_cpu_ns = hr_load64(&control->sampler_cpu_ns);
	out->samples = hr_load64(&control->samples);
	for (int i = 0; i < HR_DROP_MAX; i++)
		out->drops[i] = hr_load64(&control->drops[i]);
	return 0;
}

int hrv_reader_status(struct hrv_reader *reader, struct hrv_status *out)
{
	struct hrv_status status;
	struct status_job job = {.control = reader->control, .out = &status};
	int err = guarded(reader, copy_status, &job);

	if (err == 0)
		*out = status;
	return err;
}

struct used_job {
	const _Atomic uint64_t *used;
	uint64_t value;
};

static int load_used(void *arg)
{
	struct used_job *job = arg;
	job->value = hr_used_load(job->used); /* pairs with hr_used_publish() */
	return 0;
}

static int used_of(struct hrv_reader *reader, enum hr_kind kind, uint64_t *out)
{
	const struct hr_section *section = section_of(reader, kind);
	if (!section) {
		*out = 0;
		return 0;
	}
	struct used_job job = {.used = &reader->control->used[reader->layout.section_of[kind]]};
	int err = guarded(reader, load_used, &job);
	if (err == 0 && job.value > section->capacity) {
		snprintf(reader->why, sizeof reader->why, "section %d claims %" PRIu64 " of %" PRIu64 " elements", kind,
		         job.value, section->capacity);
		err = HR_ECORRUPT;
	}
	if (err == 0)
		*out = job.value;
	return err;
}

int hrv_reader_count(struct hrv_reader *reader, enum hr_kind kind, uint32_t *out)
{
	uint64_t used;
	int err = used_of(reader, kind, &used);

	if (err != 0)
		return err;
	if (kind != HR_KIND_STRINGS && used > COUNT_MAX) {
		snprintf(reader->why, sizeof reader->why, "section %d claims %" PRIu64 " elements", kind, used);
		return HR_ECORRUPT;
	}
	*out = (uint32_t)used;
	return 0;
}

/* Elements [first, first + count) of a section in strides, `take` bytes of each. */
struct copy_job {
	const unsigned char *from;
	uint32_t count, stride, take;
	unsigned char *to;
};

static int copy_elements(void *arg)
{
	const struct copy_job *job = arg;

	if (job->stride == job->take) {
		memcpy(job->to, job->from, (size_t)job->count * job->take);
		return 0;
	}
	for (uint32_t i = 0; i < job->count; i++)
		memcpy(job->to + (size_t)i * job->take, job->from + (size_t)i * job->stride, job->take);
	return 0;
}

/* The section when it has elements [first, first + count), else NULL. */
static const struct hr_section *section_with(const struct hrv_reader *reader, enum hr_kind kind, uint32_t first,
                                             uint32_t count)
{
	const struct hr_section *section = section_of(reader, kind);

	return section && first <= section->capacity && count <= section->capacity - first ? section : NULL;
}

static int copy(struct hrv_reader *reader, enum hr_kind kind, uint32_t first, uint32_t count, uint32_t take, void *out)
{
	const struct hr_section *section = section_with(reader, kind, first, count);

	if (count == 0)
		return 0;
	if (!section)
		return HR_EARG;
	struct copy_job job = {
	        .from = reader->base + section->off + (uint64_t)first * section->elem_bytes,
	        .count = count,
	        .stride = section->elem_bytes,
	        .take = take,
	        .to = out,
	};
	return guarded(reader, copy_elements, &job);
}

int hrv_reader_files(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_file *out)
{
	return copy(reader, HR_KIND_FILES, first, count, sizeof *out, out);
}

int hrv_reader_codes(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_code *out)
{
	return copy(reader, HR_KIND_CODES, first, count, sizeof *out, out);
}

int hrv_reader_slot_infos(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_slot_info *out)
{
	return copy(reader, HR_KIND_SLOT_INFOS, first, count, sizeof *out, out);
}

int hrv_reader_notes(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_note *out)
{
	return copy(reader, HR_KIND_NOTES, first, count, sizeof *out, out);
}

struct changes_job {
	const unsigned char *from;
	uint32_t first, count, stride;
	const struct hrv_slot *seen;
	const uint64_t *sums;
	struct hrv_slot_change *changed;
	uint32_t changed_count;
};

static int find_changes(void *arg)
{
	struct changes_job *job = arg;

	job->changed_count =
	        hrv_slots_compare(job->from, job->stride, job->first, job->count, job->seen, job->sums, job->changed);
	return 0;
}

int hrv_reader_slot_changes(struct hrv_reader *reader, uint32_t first, uint32_t count, const struct hrv_slot *seen,
                            const uint64_t *sums, struct hrv_slot_change *changed, uint32_t *changed_count)
{
	const struct hr_section *section = section_with(reader, HR_KIND_SLOTS, first, count);

	if (!section)
		return HR_EARG;
	struct changes_job job = {
	        .from = reader->base + section->off + (uint64_t)first * section->elem_bytes,
	        .first = first,
	        .count = count,
	        .stride = section->elem_bytes,
	        .seen = seen,
	        .sums = sums,
	        .changed = changed,
	};
	int err = guarded(reader, find_changes, &job);
	if (err == 0)
		*changed_count = job.changed_count;
	return err;
}

int hrv_reader_string(struct hrv_reader *reader, struct hr_str str, struct hrv_buffer *out)
{
	uint64_t used;
	int err;

	if (str.len_bytes == 0)
		return 0;
	err = used_of(reader, HR_KIND_STRINGS, &used);
	if (err != 0)
		return err;
	if (str.off > used || str.len_bytes > used - str.off)
		return hrv_reader_blame(reader, "a text lies outside the strings");
	if (str.len_bytes > TEXT_MAX_BYTES)
		return hrv_reader_blame(reader, "a text is too long to be one");
	err = hrv_buffer_reserve(out, str.len_bytes);
	if (err != 0)
		return err;
	err = copy(reader, HR_KIND_STRINGS, str.off, str.len_bytes, 1, out->bytes + out->len_bytes);
	if (err == 0)
		out->len_bytes += str.len_bytes;
	return err;
}

/* ---- rows ---- */

static const struct hr_row *row_at(const struct hrv_reader *reader, enum hr_kind kind, uint32_t index)
{
	const struct hr_section *section = section_of(reader, kind);

	if (!section || index >= section->capacity)
		return NULL;
	return (const struct hr_row *)(reader->base + section->off + (uint64_t)index * section->elem_bytes);
}

struct row_job {
	const struct hr_row *row;
	struct hrv_row_shape shape;
	struct hrv_row *out;
};

static int copy_row(void *arg)
{
	const struct row_job *job = arg;
	return hrv_row_copy(job->row, &job->shape, job->out);
}

int hrv_reader_row(struct hrv_reader *reader, enum hr_kind kind, uint32_t index, struct hrv_row *out)
{
	const struct hr_header *header = &reader->layout.header;
	struct row_job job = {
	        .row = row_at(reader, kind, index),
	        .shape = {.row_bytes = header->row_bytes,
	                  .snapshot_bytes = header->snapshot_bytes,
	                  .frame_bytes = header->frame_bytes,
	                  .frames = kind == HR_KIND_TASKS ? header->task_frames : header->thread_frames},
	        .out = out,
	};

	if (!job.row)
		return HR_EARG;
	int err = hrv_guard_run(reader->base, header->total_bytes, copy_row, &job);
	return err == HR_ECORRUPT ? hrv_reader_blame(reader, "a stack's frames do not add up") : err;
}

struct mark_job {
	const struct hr_row *row;
	uint64_t generation, published;
};

static int load_mark(void *arg)
{
	struct mark_job *job = arg;
	job->generation = hr_row_generation(job->row);
	job->published = hr_row_published(job->row);
	return 0;
}

int hrv_reader_row_mark(struct hrv_reader *reader, enum hr_kind kind, uint32_t index, uint64_t *generation,
                        uint64_t *published)
{
	struct mark_job job = {.row = row_at(reader, kind, index)};

	if (!job.row)
		return HR_EARG;
	int err = guarded(reader, load_mark, &job);
	if (err == 0) {
		*generation = job.generation;
		*published = job.published;
	}
	return err;
}
