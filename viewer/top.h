/* top.h — a program's hottest lines and its threads, followed for `hrview top`. Knows no terminal. */
#ifndef HRV_TOP_H
#define HRV_TOP_H

#include "discover.h"
#include "moment.h"
#include "source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hrv_top_sort {
	HRV_TOP_BY_RATE, /* hits a second */
	HRV_TOP_BY_HITS,
	HRV_TOP_BY_FILE, /* path and line */
};

/* A line that can be hit. */
struct hrv_top_line {
	uint32_t file, line; /* index of the file in the segment */
	uint64_t hits, last_tick;
	double hits_per_s; /* over about the last second; negative: not known yet, or the program has ended */
};

/* A thread or task. Texts are printable, and last until the next hrv_top_look(). */
struct hrv_top_thread {
	char *name;
	char *words;         /* hrv_moment_words(), with the base name of the file */
	uint32_t file, line; /* of its innermost frame; HR_INDEX_NONE unknown */
	enum hrv_stillness stillness;
	bool task;
};

/* Text of a file, by lines. */
struct hrv_top_source {
	char *text;
	const char **lines; /* each ends with '\n' or the text */
	size_t line_count;
	bool changed;                   /* it is not what the program loaded */
	char why[HRV_SOURCE_WHY_BYTES]; /* when there is no text */
};

struct hrv_top_summary {
	struct hrv_moment moment;
	enum hrv_life life;
	uint64_t hits;
	double hits_per_s;      /* of all lines together; negative as above */
	uint64_t last_hit_tick; /* HR_TICK_NEVER: none was hit */
	uint32_t files;         /* traced ones */
	uint64_t drops;         /* of everything that was not recorded */
};

struct hrv_top;

/* `program` has a reader and outlives *out, which ends with hrv_top_free(). HR_ENOMEM. */
int hrv_top_new(struct hrv_program *program, struct hrv_top **out);
void hrv_top_free(struct hrv_top *top);

/* Reads all that is new, and what has become of the program. HR_ECORRUPT leaves hrv_reader_why(). */
int hrv_top_look(struct hrv_top *top);

const struct hrv_top_summary *hrv_top_summary(const struct hrv_top *top);

/* Lines that were hit, in that order; borrowed until the next call. */
int hrv_top_lines(struct hrv_top *top, enum hrv_top_sort sort, const struct hrv_top_line **out, size_t *count_out);

/* Lines of one file, by line; those that were never hit too. Borrowed as above. */
int hrv_top_file_lines(struct hrv_top *top, uint32_t file, const struct hrv_top_line **out, size_t *count_out);

/* Threads, then tasks; those that are stuck come first. Borrowed until the next hrv_top_look(). */
const struct hrv_top_thread *hrv_top_threads(const struct hrv_top *top, size_t *count_out);

/* Its path, printable; "?" for none. */
const char *hrv_top_path(const struct hrv_top *top, uint32_t file);

/* Read once, when it is asked for; never NULL but when there is no memory. */
const struct hrv_top_source *hrv_top_source(struct hrv_top *top, uint32_t file);

/* Line `line` (1-based) of it, up to its end; "" when there is none. */
struct hrv_text hrv_top_source_line(const struct hrv_top_source *source, uint32_t line);

/* The same without its indentation. */
struct hrv_text hrv_top_statement(const struct hrv_top_source *source, uint32_t line);

#endif
