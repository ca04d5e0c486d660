/* tasks.h — asyncio's tasks, each a row of its own with its await chain.
 *
 * Read out of asyncio's registries and the tasks' own fields by C functions of the interpreter alone: no Python code
 * runs, and no attribute of the program's classes is asked. */
#ifndef HRT_TASKS_H
#define HRT_TASKS_H

#include "rows.h"

/* One pass, by the sampler, GIL held, after the threads' rows were filled: their run states are taken from there.
 * Does nothing in a program without asyncio. */
void hrt_tasks_sample(PyInterpreterState *interpreter, struct hrt_rows *tasks, const struct hrt_rows *threads);

#endif
