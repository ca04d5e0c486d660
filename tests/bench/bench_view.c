/* bench_view.c — what a viewer costs: attaching to a large program, and a frame of it.
 *
 * usage: bench_view [LINES [CHANGED]]; prints one line of JSON. A real segment by the tracer's writer; a view as a
 * websocket has it. */
#include "hr_atomic.h"
#include "maker.h"
#include "test.h"
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CODE_LINES 40 /* of a function */
#define FRAMES     1000

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	uint32_t lines = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
	uint32_t changed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
	struct hrt_segment *segment = maker_segment("bench");
	const _Atomic uint64_t *tick = &hrt_segment_control(segment)->tick;
	uint32_t file = maker_file(segment, "/bench.py", HR_FILE_TRACED);
	struct hrv_wire_request request = {.all = true, .file = file, .program = hrt_segment_header(segment)->instance};
	struct hrv_buffer frame = {0};
	struct hrv_view *view = NULL;
	static double us[FRAMES];

	for (uint32_t line = 1; line <= lines; line += CODE_LINES)
		maker_code(segment, file, "function", line, CODE_LINES, NULL);
	double start = now_us();
	if (hrv_view_new(NULL, &view) != 0 || hrv_view_answer(view, &request, &frame) != 0)
		return 1;
	double attach_us = now_us() - start;
	size_t first_bytes = frame.len_bytes;
	for (uint32_t n = 0; n < FRAMES; n++) {
		for (uint32_t i = 0; i < changed; i++)
			hr_slot_hit(&hrt_segment_slots(segment)[(n * 7 + i * (lines / changed)) % lines], tick);
		start = now_us();
		if (hrv_view_answer(view, &request, &frame) != 0)
			return 1;
		us[n] = now_us() - start;
	}
	qsort(us, FRAMES, sizeof *us, ascending);
	printf("{\"lines\": %u, \"changed\": %u, \"attach_us\": %.0f, \"first_frame_bytes\": %zu, \"frame_us_median\": "
	       "%.1f, "
	       "\"frame_us_p99\": %.1f, \"frame_bytes\": %zu}\n",
	       lines, changed, attach_us, first_bytes, us[FRAMES / 2], us[FRAMES * 99 / 100], frame.len_bytes);
	hrv_view_free(view);
	hrv_buffer_fini(&frame);
	maker_forget(segment);
	return 0;
}
