/* metrics.h — what hrview tells Prometheus: few series for ever, whatever the programs do.
 *
 * A program goes by its name, not its pid: a restarted worker goes on with the same series, and workers of one name add
 * up. Counters hold what was counted since they began (a series of a file or line begins with what it had by then), and
 * never go down when a process goes. Only so many programs, files and lines have a series of their own; a new one is
 * let in while there are places, then in the place of the coldest, and only at a slow pace, so that the number of
 * different series in an hour is bounded: HRV_METRICS_SERIES_MAX. What has no series of its own is in "(other)". */
#ifndef HRV_METRICS_H
#define HRV_METRICS_H

#include "buffer.h"
#include "discover.h"

#include <stdbool.h>
#include <stdint.h>

#define HRV_METRICS_SERIES_MAX 500 /* different ones in an hour */

struct hrv_metrics;

int hrv_metrics_new(struct hrv_metrics **out);
void hrv_metrics_free(struct hrv_metrics *metrics);

/* Looks at all programs of the catalog that hrv_program_matches() `only` (NULL: all). `now_ms` is CLOCK_MONOTONIC's. A
 * program whose segment turns out to be corrupt is condemned. HR_ENOMEM. */
int hrv_metrics_update(struct hrv_metrics *metrics, struct hrv_catalog *catalog, const char *only, uint64_t now_ms);

/* What hrview itself has done. */
struct hrv_metrics_viewer {
	uint64_t pages; /* open now */
	uint64_t frames, frame_bytes;
};

/* Appends it all in the format OpenMetrics 1.0, or else in Prometheus's older one (0.0.4). HR_ENOMEM. */
int hrv_metrics_text(const struct hrv_metrics *metrics, const struct hrv_metrics_viewer *viewer, bool open_metrics,
                     struct hrv_buffer *out);

#endif
