/* samples.h — the stacks of a program's threads over a span of time: what profilers' formats are made of.
 *
 * A segment holds each thread's newest stack only. The tracer looks at all threads up to twenty times a second; who
 * takes in each look gets a profile. Pure: takes copies. Tasks are left out: one that runs is in its thread's stack. */
#ifndef HRV_SAMPLES_H
#define HRV_SAMPLES_H

#include "stacks.h"

/* `code` of the frame that stands for those left out in the middle of a deep stack. */
#define HRV_CODE_ELIDED (HR_INDEX_NONE - 1)

/* A place in the program: a line of a code object. Each is there once. */
struct hrv_place {
	uint32_t code; /* HR_INDEX_NONE unknown, or HRV_CODE_ELIDED */
	uint32_t line; /* HR_INDEX_NONE unknown */
};

/* A stack. Each is there once. */
struct hrv_path {
	uint32_t first, count; /* in `steps`: indices of places, outermost first */
};

/* A thread was found with the same stack and run state `looks` times on end. */
struct hrv_sample {
	uint32_t path, run_state;
	uint32_t looks;
	uint64_t ticks; /* milliseconds since the look before the first of them; none for a thread's first look */
};

struct hrv_sampled_thread {
	uint64_t generation, ident, native_id, tick;
	char name[HR_THREAD_NAME_BYTES];
	struct hrv_sample *samples; /* in order of time */
	size_t count, capacity;
};

/* All zero is empty. */
struct hrv_samples {
	struct hrv_sampled_thread *threads;
	struct hrv_place *places;
	struct hrv_path *paths;
	uint32_t *steps;
	size_t thread_count, thread_capacity, place_count, place_capacity, path_count, path_capacity, step_count,
	        step_capacity;
	uint32_t *place_table, *path_table; /* by hash, open addressing; index + 1, 0 empty */
	size_t place_table_size, path_table_size;
	uint32_t *row_threads; /* by row of the segment: the thread that has it, index + 1 */
	size_t row_capacity;
	uint64_t first_tick, last_tick; /* of all looks */
	bool looked;
};

/* Takes in one look at all threads, made at `tick`. HR_ENOMEM. */
int hrv_samples_take(struct hrv_samples *samples, const struct hrv_stacks *stacks, uint64_t tick);
void hrv_samples_fini(struct hrv_samples *samples);

/* Of all threads. Without ticks nothing is known of time: it was one look. */
void hrv_samples_sum(const struct hrv_samples *samples, uint64_t *looks, uint64_t *ticks);

#endif
