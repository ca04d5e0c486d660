/* pulse.h — what the list of programs tells besides their names: hits of all lines together, and how many threads.
 *
 * Keeps no model: one pass over a program's slots, for programs that nobody looks at more closely. */
#ifndef HRV_PULSE_H
#define HRV_PULSE_H

#include "reader.h"

#include <stdint.h>

struct hrv_pulse {
	uint64_t hits;    /* of all slots whose count may be shown */
	uint32_t threads; /* that have a stack; tasks are not threads */
};

/* HR_ECORRUPT leaves hrv_reader_why(). *out is untouched on failure. */
int hrv_pulse_read(struct hrv_reader *reader, struct hrv_pulse *out);

/* The threads alone. */
int hrv_pulse_threads(struct hrv_reader *reader, uint32_t *out);

#endif
