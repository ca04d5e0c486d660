/* stacks.h — the stacks of a program's threads and tasks, followed as they change. */
#ifndef HRV_STACKS_H
#define HRV_STACKS_H

#include "reader.h"

#include <stdbool.h>
#include <stddef.h>

/* The newest whole stack of a row. */
struct hrv_stack {
	bool used;
	bool task;
	uint64_t generation, seq; /* which one it is */
	uint64_t ident, native_id;
	uint64_t tick, since_tick;
	uint32_t depth, elided_at, run_state;
	uint32_t frame_count;
	struct hrv_frame *frames; /* outermost first */
	char name[HR_THREAD_NAME_BYTES];
};

/* All zero is empty. */
struct hrv_stacks {
	struct hrv_stack *threads, *tasks; /* by row; look at `used` */
	uint32_t thread_count, task_count;
};

/* Reads what is new. *changed: not only the time of a look at a stack that stands still. A row that the writer is too
 * busy with stays as it was. */
int hrv_stacks_update(struct hrv_stacks *stacks, struct hrv_reader *reader, bool *changed);
void hrv_stacks_fini(struct hrv_stacks *stacks);

#endif
