/* reader.h — a segment, read.
 *
 * Only reader.c, and row.c and slots.c for it, hold pointers into a mapping: everybody else gets copies, each value
 * loaded once and judged.
 * Whatever a segment holds, and whoever truncates it meanwhile, a function here returns 0 or an error; HR_ECORRUPT
 * leaves a sentence in hrv_reader_why(). A reader belongs to one thread at a time. */
#ifndef HRV_READER_H
#define HRV_READER_H

#include "buffer.h"
#include "header.h"
#include "hr_layout.h"
#include "life.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hrv_reader;

/* Opens and maps the segment `file_name` in the directory `dir_fd`, read-only. It must be a regular file of ours (or we
 * are root) that nobody else can write, and agree with its name. The caller ends *out with hrv_reader_close().
 * HR_EGONE: no such name; HR_EPERM: another's, a link, or others may write it; HR_EAGAIN: still being filled;
 * HR_ECORRUPT, HR_EVERSION, HR_EIO, HR_ENOMEM. On failure `why` is a sentence. */
int hrv_reader_open(int dir_fd, const char *file_name, struct hrv_reader **out, char why[HRV_WHY_BYTES]);
void hrv_reader_close(struct hrv_reader *reader);

/* The same for a file that is open already, by a name that it has in another place: the user who is `name.uid` there is
 * `owner` here. Takes `fd` over in any case. */
int hrv_reader_adopt(int fd, const char *file_name, uid_t owner, struct hrv_reader **out, char why[HRV_WHY_BYTES]);

/* The judged copy; constant. Texts in it are read with hrv_reader_string(). */
const struct hr_header *hrv_reader_header(const struct hrv_reader *reader);

/* What is wrong with a segment that gave HR_ECORRUPT. */
const char *hrv_reader_why(const struct hrv_reader *reader);

/* For who has found out from copies that the segment is corrupt. Returns HR_ECORRUPT. */
int hrv_reader_blame(struct hrv_reader *reader, const char *why);

/* What has become of the program: asks the segment, its lock and /proc. HRV_CORRUPT leaves hrv_reader_why(). */
enum hrv_life hrv_reader_life(struct hrv_reader *reader);

/* The program's pid as seen from here, as hrv_reader_life() has found it last. 0: it has ended, or cannot be seen. */
uint32_t hrv_reader_pid(const struct hrv_reader *reader);

/* Is the program of another pid namespace (a container)? Its own pid means nothing here. */
bool hrv_reader_is_elsewhere(const struct hrv_reader *reader);

/* The user, as seen from here, who owns the segment; and the device that it lies on. */
uid_t hrv_reader_owner(const struct hrv_reader *reader);
dev_t hrv_reader_device(const struct hrv_reader *reader);

/* Some process that sees the program's files: its /dev/shm was reached through it. 0 when there is none. */
void hrv_reader_set_neighbour(struct hrv_reader *reader, uint32_t pid);
uint32_t hrv_reader_neighbour(const struct hrv_reader *reader);

/* The hot control block but `used`. */
struct hrv_status {
	uint64_t tick;
	uint32_t end;             /* enum hr_end; meaningful once closed */
	uint64_t end_realtime_ns; /* same */
	uint64_t sampler_cpu_ns;
	uint64_t samples;
	uint64_t drops[HR_DROP_MAX];
};
int hrv_reader_status(struct hrv_reader *reader, struct hrv_status *out);

/* How many elements of a section are published. What they refer to is published too, if it is asked for afterwards: ask
 * for rows first, then codes, slots, files, strings. 0 when there is no such section. */
int hrv_reader_count(struct hrv_reader *reader, enum hr_kind kind, uint32_t *out);

/* Copies elements [first, first + count), all below a hrv_reader_count() of this reader, or HR_EARG. Indices inside are
 * not judged. */
int hrv_reader_files(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_file *out);
int hrv_reader_codes(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_code *out);
int hrv_reader_slot_infos(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_slot_info *out);
int hrv_reader_notes(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hr_note *out);

/* A slot as it was seen, and one that is another by now. */
struct hrv_slot {
	uint64_t hits;
	uint64_t last_tick;
};
struct hrv_slot_change {
	uint32_t index; /* of the slot */
	struct hrv_slot now;
};

/* Slots as they were seen come with a sum for each block of them: hits and last ticks added up, modulo 2^64. A writer
 * only lets both grow, so a block whose sum is the same is the same; one that does otherwise lies about its own counts.
 */
#define HRV_SLOT_BLOCK 4u /* a cache line */

/* Compares slots [first, first + count) with `seen` (as many; `sums`: of its blocks) and gives those that differ, in
 * `changed`, which has room for all: *changed_count <= count. This is what a frame costs. */
int hrv_reader_slot_changes(struct hrv_reader *reader, uint32_t first, uint32_t count, const struct hrv_slot *seen,
                            const uint64_t *sums, struct hrv_slot_change *changed, uint32_t *changed_count);

/* The same with slots in memory, `stride` bytes from one to the next: without the mapping. Returns how many differ. */
uint32_t hrv_slots_compare(const unsigned char *from, size_t stride, uint32_t first, uint32_t count,
                           const struct hrv_slot *seen, const uint64_t *sums, struct hrv_slot_change *changed);

/* Appends the bytes of `str` (no terminator, not repaired). HR_ECORRUPT: it lies outside what is published. */
int hrv_reader_string(struct hrv_reader *reader, struct hr_str str, struct hrv_buffer *out);

/* A frame's numbers, HR_INDEX_NONE where unknown; `code` is not judged. */
struct hrv_frame {
	uint32_t code, line, end_line, col, end_col;
};

/* One thread or task with its newest stack. */
struct hrv_row {
	uint64_t generation;
	uint64_t seq; /* of the snapshot */
	uint64_t ident;
	uint64_t native_id;
	uint64_t tick;
	uint64_t since_tick;
	uint32_t depth;
	uint32_t frame_count;
	uint32_t elided_at;
	uint32_t run_state;
	char name[HR_THREAD_NAME_BYTES]; /* terminated */
	struct hrv_frame frames[HRV_FRAMES_MAX];
};

/* Copies row `index` of HR_KIND_THREADS or HR_KIND_TASKS. HR_EGONE: nobody's, or no stack yet; HR_EAGAIN: the writer
 * was faster at every try. */
int hrv_reader_row(struct hrv_reader *reader, enum hr_kind kind, uint32_t index, struct hrv_row *out);

/* Has row `index` changed? Its generation and newest snapshot; (even, any) is nobody's. Costs two loads. */
int hrv_reader_row_mark(struct hrv_reader *reader, enum hr_kind kind, uint32_t index, uint64_t *generation,
                        uint64_t *published);

/* The same copy from a row in memory: the protocol without the mapping. */
struct hrv_row_shape {
	uint32_t row_bytes, snapshot_bytes, frame_bytes, frames;
};
int hrv_row_copy(const struct hr_row *row, const struct hrv_row_shape *shape, struct hrv_row *out);

#endif
