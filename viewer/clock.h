/* clock.h — the time. */
#ifndef HRV_CLOCK_H
#define HRV_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC or another clock. */
uint64_t hrv_clock_ns(clockid_t clock);

/* Milliseconds of CLOCK_MONOTONIC. */
uint64_t hrv_clock_ms(void);

#endif
