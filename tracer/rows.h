/* rows.h — who has a row of the segment, and what was last published there: threads and asyncio tasks alike.
 *
 * Knows the segment's writer, the code map and frames; not where the stacks come from. With the GIL held, except where
 * it says otherwise. */
#ifndef HRT_ROWS_H
#define HRT_ROWS_H

#include "pyframe.h"
#include "tracer.h"

#define HRT_WALK_HALF 128

/* Frames of one stack as they are met, from whichever end: of more than 2 * half the first and the last half stay. */
struct hrt_walk {
	uint32_t half;  /* at most HRT_WALK_HALF */
	uint32_t depth; /* frames met */
	bool innermost_first;
	const struct hrt_pyframe *first[HRT_WALK_HALF], *last[HRT_WALK_HALF];
};

static inline void hrt_walk_begin(struct hrt_walk *walk, uint32_t half, bool innermost_first)
{
	walk->half = half;
	walk->depth = 0;
	walk->innermost_first = innermost_first;
}

static inline void hrt_walk_add(struct hrt_walk *walk, const struct hrt_pyframe *frame)
{
	if (walk->depth < walk->half)
		walk->first[walk->depth] = frame;
	else
		walk->last[walk->depth % walk->half] = frame;
	walk->depth++;
}

struct hrt_watched {
	uint64_t id;        /* a thread state's (never used twice), a task's address */
	uint64_t owner;     /* another one under the same id is another task: addresses are used again */
	struct hr_row *row; /* NULL: the table was full */
	uint64_t native_id;
	uint64_t since_tick;
	uint64_t stack_hash; /* of the stack as it was published, and of what stands beside it */
	uint64_t label_hash;
	enum hr_run_state run_state;
	char native_name[16]; /* a thread's, as the kernel has it; "" not asked yet */
	bool seen;            /* in this pass */
	bool changed;         /* published anew in the last pass */
	uint8_t put_off;      /* passes since it was last published, because a file was being entered */
};

struct hrt_rows {
	enum hr_kind kind;
	struct hrt_segment *segment;
	struct hrt_watched *at;
	size_t count, capacity;
	uint32_t *buckets; /* open addressing: index into at + 1, 0 empty */
	size_t bucket_count;
	bool full; /* the table had no row left, and none was given back since */
};

/* The entry of `id`, NULL when it has none. Marks nothing. */
struct hrt_watched *hrt_rows_find(const struct hrt_rows *rows, uint64_t id);

/* Takes a row for `id`, or for another owner of it, and marks it seen. NULL without memory. Pointers to entries do not
 * outlive the next call. */
struct hrt_watched *hrt_rows_get(struct hrt_rows *rows, uint64_t id, uint64_t owner, uint64_t ident,
                                 uint64_t native_id);

/* Publishes the stack where it, the name or the run state has changed; otherwise only says that it was looked at. A
 * frame whose file is just being entered by another thread will have its code at the next pass: until then the row
 * stays as it is, but not for longer than a second. */
void hrt_rows_put(struct hrt_rows *rows, struct hrt_watched *watched, const struct hrt_walk *walk, const char *name,
                  size_t name_bytes);

/* The pass is over: rows of those that were not seen are given back. */
void hrt_rows_sweep(struct hrt_rows *rows);

/* Forgets all; the rows stay as they are. */
void hrt_rows_forget(struct hrt_rows *rows);

#endif
