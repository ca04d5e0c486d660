/* maker.h — segments for tests: real ones by the tracer's writer, and small ones by hand. */
#ifndef HR_MAKER_H
#define HR_MAKER_H

#include "hr_layout.h"
#include "reader.h"
#include "segment.h"

#include <stddef.h>
#include <stdint.h>

/* A live segment of this process in HR_SHM_DIR; maker_forget() unlinks, unmaps and frees it. */
struct hrt_segment *maker_segment(const char *name);
void maker_forget(struct hrt_segment *segment);

/* Opens it as a viewer does; fails the test when that fails. */
struct hrv_reader *maker_open(const char *file_name);

struct hrt_text maker_text(const char *terminated);

/* Adds a traced file, or a code object with lines first .. first + count - 1; returns its index. */
uint32_t maker_file(struct hrt_segment *segment, const char *path, uint32_t flags);
uint32_t maker_code(struct hrt_segment *segment, uint32_t file, const char *qualname, uint32_t first, uint32_t count,
                    uint32_t *slot_first_out);

/* Slots [first, first + count), count <= 8192, as they are. Returns the reader's error. */
int maker_read_slots(struct hrv_reader *reader, uint32_t first, uint32_t count, struct hrv_slot *out);

/* A whole segment of a few kilobytes, in memory: all sections, two files, three code objects, a thread with a stack.
 * All elements are `extra` bytes (a multiple of 8) longer than this version's, as of a later minor one. */
#define HANDMADE_BYTES_MAX 65536
struct handmade {
	_Alignas(64) unsigned char bytes[HANDMADE_BYTES_MAX];
	size_t len_bytes;
};
void handmade_build(struct handmade *out, uint32_t extra);
struct hr_header *handmade_header(struct handmade *made);
struct hr_control *handmade_control(struct handmade *made);
void *handmade_element(struct handmade *made, enum hr_kind kind, uint32_t index);

/* A directory of its own with one file in it, named as the segment in `bytes` says (uid is ours, so is the file). */
struct maker_place {
	char dir[64];
	char file_name[64];
	int dir_fd;
	int fd; /* of the file, for writing */
};
void maker_place_init(struct maker_place *place, const void *bytes, size_t len_bytes);
void maker_place_fini(struct maker_place *place);

#endif
