/* metrics_private.h — what metrics.c gathers and metrics_text.c writes. */
#ifndef HRV_METRICS_PRIVATE_H
#define HRV_METRICS_PRIVATE_H

#include "life.h"
#include "metrics.h"

#define PROGRAMS_MAX 20
#define FILES_MAX    80
#define LINES_MAX    60
#define NO_PLACE     (-1)
#define LIVES        5 /* enum hrv_life */

/* A program, file or line that has a series of its own. */
struct place {
	char *name;    /* of the program; path of the file; NULL: free */
	int program;   /* whose the file or line is: index of its place */
	uint32_t line; /* 0 for files and programs */
	uint64_t hits;
	double heat; /* hits of late: halved at each look */
};

/* Places of one kind, and how many newcomers may still be let in. */
struct places {
	struct place *items;
	int count;
	double admissions, burst; /* left now; as many as may be saved up */
	double refill_ms;         /* for one more */
};

/* What is told of a program besides its hits; the last one is of all programs without a place. */
struct tally {
	uint64_t other_hits; /* in files without a place */
	uint64_t sampler_ns;
	uint64_t threads, instances; /* now */
};

struct hrv_metrics {
	struct place program_items[PROGRAMS_MAX + 1], file_items[FILES_MAX], line_items[LINES_MAX];
	struct places programs, files, lines;
	struct tally tallies[PROGRAMS_MAX + 1];
	uint64_t lives[LIVES];
	uint64_t drops[HR_DROP_MAX];
	struct source **sources; /* metrics.c: one for each instance */
	size_t source_count;
	uint64_t looked_ms;
	bool moved; /* places have been given away: who has which is to be asked anew */
};

#endif
