/* moment.h — when a program was looked at, and what is said of what does not move.
 *
 * Standing still is idle, never dead. A thread whose stack has not moved for HRV_STUCK_MS while the kernel says that it
 * runs is stuck. A loop may be met in the same place by each look: when a line of the stack was hit since, it has
 * moved. While C code holds the interpreter's lock nobody can look at stacks, and the tick stands still with them: the
 * program is silent, and what its threads do is asked of the kernel. */
#ifndef HRV_MOMENT_H
#define HRV_MOMENT_H

#include "codes.h"
#include "discover.h"
#include "stacks.h"

#include <stdbool.h>
#include <stdint.h>

#define HRV_STUCK_MS UINT64_C(5000)

struct hrv_moment {
	uint64_t tick;        /* milliseconds since the program's start: now, or when it gave its last sign of life */
	uint64_t silent_ms;   /* so long has its tick stood still though the program lives; 0 for short */
	uint64_t realtime_ns; /* of `tick`, CLOCK_REALTIME; 0 unknown */
	bool lives, stopped;  /* stopped: by a signal */
	const struct hrv_codes *codes; /* borrowed */
};

/* Of a program with a reader, from what was read of it: stacks first, then `codes`, then `status`. */
void hrv_moment_take(const struct hrv_program *program, const struct hrv_codes *codes, const struct hrv_status *status,
                     struct hrv_moment *out);

/* Puts the kernel's words in the place of the sampler's while the program is silent. */
void hrv_moment_ask_kernel(const struct hrv_moment *moment, const struct hrv_program *program,
                           struct hrv_stacks *stacks);

enum hrv_stillness {
	HRV_MOVES, /* or is of an unknown state: nothing is said of it */
	HRV_IDLE,  /* waits, and has not moved for HRV_STUCK_MS */
	HRV_STUCK,
};
enum hrv_stillness hrv_moment_stillness(const struct hrv_moment *moment, const struct hrv_stack *stack);

/* "running", "idle for 12 s", "stuck at prog.py:7 for 5 s", of a silent program "stuck for 5 s, last seen at
 * prog.py:7": it may have got further since. `path` is that of the innermost frame's file, or NULL. */
#define HRV_WORDS_BYTES 4608 /* room for any path */
void hrv_moment_words(const struct hrv_moment *moment, const struct hrv_stack *stack, const char *path,
                      char out[HRV_WORDS_BYTES]);

/* "live", "live, idle: no line was hit for 12 s", "closed: exit at 2026-11-27 21:05:50", "dead: killed or crashed, last
 * sign of life ...". `last_hit_tick` is that of all lines, HR_TICK_NEVER none was hit. */
#define HRV_LIFE_WORDS_BYTES 512
void hrv_life_words(const struct hrv_program *program, const struct hrv_moment *moment, uint64_t last_hit_tick,
                    char out[HRV_LIFE_WORDS_BYTES]);

/* "12 s", "3 min 5 s", "2 h 5 min", "3 d 4 h" */
#define HRV_SPAN_BYTES 48
void hrv_span_format(uint64_t ms, char out[HRV_SPAN_BYTES]);

#endif
