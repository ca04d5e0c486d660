/* diff.h — which lines of two dumps were hit more or less often. Pure; a dump is json.h's hrv_json_dump(), and may come
 * from a file that anybody wrote, so it is judged. */
#ifndef HRV_DIFF_H
#define HRV_DIFF_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A line whose counts differ. */
struct hrv_diff_line {
	const char *path; /* borrowed from the dumps */
	uint32_t line;
	uint64_t before, after; /* 0: not hit, or not there */
};

/* All zero is empty. */
struct hrv_diff {
	struct hrv_diff_line *lines; /* by path, bytewise, and line */
	size_t count;
	size_t more, fewer, same; /* lines that were hit in one of them at least */
};

#define HRV_DIFF_WHY_BYTES 256

/* Is it a dump? HR_EARG: `why` says what it lacks. */
int hrv_diff_judge(const json_t *dump, char why[HRV_DIFF_WHY_BYTES]);

/* Compares two that were judged; they must outlive *out, which the caller ends. HR_ENOMEM. */
int hrv_diff_make(const json_t *before, const json_t *after, struct hrv_diff *out);
void hrv_diff_fini(struct hrv_diff *diff);

#endif
