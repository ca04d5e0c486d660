/* top_view.h — `hrview top` on the screen: what is shown, and what keys do. */
#ifndef HRV_TOP_VIEW_H
#define HRV_TOP_VIEW_H

#include "top.h"

#include <stdbool.h>

/* What the user looks at. All zero is the beginning. */
struct hrv_top_view {
	enum hrv_top_sort sort;
	bool paused;
	bool help;
	bool in_threads; /* the marked row is one of the threads' */
	size_t marked_thread, threads_above;
	bool has_marked; /* the line stays marked wherever it is sorted to */
	struct hrv_top_line marked;
	size_t lines_above;
	bool in_file; /* a file is open */
	uint32_t file;
	size_t file_line; /* the marked one */
	size_t file_above;
	int file_left; /* columns that are scrolled away */
};

/* Draws all of it. HR_ENOMEM. */
int hrv_top_draw(struct hrv_top *top, const struct hrv_program *program, struct hrv_top_view *view);

/* Does what the key says; false when it is the one to leave. */
bool hrv_top_press(struct hrv_top *top, struct hrv_top_view *view, int key);

/* "demo.py  pid 4711  live, idle: no line was hit for 12 s  (Python 3.11.7, 2 min 5 s)" and "1,234 hits/s  ...": the
 * first two lines. */
#define HRV_TOP_HEAD_BYTES 1024
void hrv_top_head(struct hrv_top *top, const struct hrv_program *program, char first[HRV_TOP_HEAD_BYTES],
                  char second[HRV_TOP_HEAD_BYTES]);

#endif
