/* segment.h — the writer's side of a segment: create, fill, publish, close.
 *
 * Knows hr_layout.h and the system, nothing of Python. One thread at a time calls in here (the GIL sees to it),
 * but for the functions that say otherwise. Nothing here can hurt the caller's program: what finds no room is
 * counted as a drop and reported by an error code that may be ignored. */
#ifndef HRT_SEGMENT_H
#define HRT_SEGMENT_H

#include "hr_layout.h"

#include <stdbool.h>
#include <stddef.h>

struct hrt_segment;

/* Bytes that need no terminator. */
struct hrt_text {
	const char *bytes;
	size_t len_bytes;
};

/* What the header says of the program. Texts are copied. */
struct hrt_segment_spec {
	uint64_t size_bytes; /* address space to reserve; at least HRT_SEGMENT_MIN_BYTES */
	uint64_t parent_instance;
	uint32_t python_hex;
	struct hrt_text name;
	struct hrt_text argv; /* each argument ended by a NUL byte */
	struct hrt_text executable;
	struct hrt_text cwd;
	struct hrt_text caller;
};

#define HRT_SEGMENT_MIN_BYTES     (UINT64_C(1) << 20)
#define HRT_SEGMENT_DEFAULT_BYTES (UINT64_C(256) << 20)

/* Makes a live segment under its final name. HR_EARG: size below the minimum; HR_ENOSPC: /dev/shm is full;
 * HR_EIO: no /dev/shm, no right to it, no descriptor, no address space (errno says). No descriptor stays open. */
int hrt_segment_create(const struct hrt_segment_spec *spec, struct hrt_segment **out);

/* Says how it ended and lets nothing change afterwards. The name stays (post-mortem reading); the mapping stays
 * too, because counters may still be stored to. Idempotent. Safe in an exit handler. */
void hrt_segment_close(struct hrt_segment *segment, enum hr_end end);

/* Unmaps and frees. Only when no counter of it can be stored to any more. The file stays. */
void hrt_segment_free(struct hrt_segment *segment);

/* Takes a close back: what was to end the process (exec, _exit) has failed. */
void hrt_segment_reopen(struct hrt_segment *segment);

/* In a forked child, from pthread_atfork's handler: replaces the mapping by private memory at the same address, so
 * that stores of the child go nowhere and the parent's lock is not held on. All counts in it are zero. With `keep`,
 * and where there is memory, the tables are there too: code can be registered and counted until hrt_segment_adopt().
 * A child of that child has them if it had. Only system calls and memcpy: async-signal-safe on Linux. */
void hrt_segment_detach(struct hrt_segment *segment, bool keep);

/* In that child: gives it a file of its own at the same address, with the tables and everything that was counted since
 * the fork; its parent_instance is the parent's instance. Every pointer and index stays good. Errors as for
 * hrt_segment_create(); HR_EGONE: the tables were not kept. After a failure it is detached as before. */
int hrt_segment_adopt(struct hrt_segment *segment);

/* Copies `text` into the strings section. HR_EFULL or HR_ENOSPC: *out stays, a drop is counted. */
int hrt_segment_put_string(struct hrt_segment *segment, struct hrt_text text, struct hr_str *out);

/* Whether `count` more files, codes or slots have room: 0, or HR_EFULL or HR_ENOSPC with a drop counted. Asked before
 * texts are put for them, which would be lost. */
int hrt_segment_make_room(struct hrt_segment *segment, enum hr_kind kind, uint64_t count);

/* Appends a file, a code object (with `count` slots for `lines`, ascending, 1-based), a note. On failure nothing is
 * published and a drop is counted. The slot index of lines[i] is code->slot_first + i; `slot_flags` of each: enum
 * hr_slot_flag. */
int hrt_segment_put_file(struct hrt_segment *segment, const struct hr_file *file, uint32_t *index_out);
int hrt_segment_put_code(struct hrt_segment *segment, struct hr_code *code, const uint32_t *lines, uint32_t count,
                         uint32_t slot_flags, uint32_t *index_out);
int hrt_segment_put_note(struct hrt_segment *segment, enum hr_note_kind kind, struct hrt_text text);

/* Adds to a drop counter. */
void hrt_segment_drop(struct hrt_segment *segment, enum hr_drop drop, uint64_t n);

/* Takes a free row of HR_KIND_THREADS or HR_KIND_TASKS; NULL when there is none (a drop is counted). */
struct hr_row *hrt_segment_take_row(struct hrt_segment *segment, enum hr_kind kind, uint64_t ident, uint64_t native_id);

/* Gives a row of its kind back: what it held is nobody's any more. */
void hrt_segment_give_row(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row);

/* A stack to be published; frames outermost first. */
struct hrt_stack {
	const char *name;
	size_t name_bytes;
	uint64_t since_tick;
	uint32_t depth;
	uint32_t frame_count; /* at most the row's capacity */
	uint32_t elided_at;
	enum hr_run_state run_state;
	const struct hrt_frame {
		uint32_t code, line, end_line, col, end_col;
	} * frames;
};

void hrt_segment_put_stack(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row,
                           const struct hrt_stack *stack);

/* The newest snapshot of the row was found unchanged: moves its tick to now. */
void hrt_segment_touch_stack(struct hrt_segment *segment, enum hr_kind kind, struct hr_row *row);

/* Moves the tick to now and returns it. Called by one thread, which need not hold the GIL. */
uint64_t hrt_segment_advance_tick(struct hrt_segment *segment);

/* Where things are, for the hot path; constant while the segment lives. */
struct hr_slot *hrt_segment_slots(struct hrt_segment *segment);
struct hr_control *hrt_segment_control(struct hrt_segment *segment);
const struct hr_header *hrt_segment_header(const struct hrt_segment *segment);
const char *hrt_segment_name(const struct hrt_segment *segment); /* file name in HR_SHM_DIR */

#endif
