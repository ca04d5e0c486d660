/* segment_private.h — the inside of a segment, for the two files that are the writer: segment_file.c makes, commits,
 * forks and unmaps the memory, segment.c fills it. */
#ifndef HRT_SEGMENT_PRIVATE_H
#define HRT_SEGMENT_PRIVATE_H

#include "hr_atomic.h"
#include "hr_name.h"
#include "segment.h"

#include <time.h>

#define THREAD_FRAMES 256
#define TASK_FRAMES   32

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

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Published elements of a section. */
static inline uint64_t used(const struct hrt_segment *segment, int which)
{
	return hr_load64(&segment->control->used[which]);
}

/* Makes elements [0, count) of a section safe to store to. HR_EFULL, HR_ENOSPC; HR_EGONE in a forked child. */
int hrt_segment_reserve(struct hrt_segment *segment, int which, uint64_t count);

#endif
