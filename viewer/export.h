/* export.h — what hrview knows of a program, in the formats of other tools.
 *
 * Each writer appends a whole document to `out` and returns 0 or HR_ENOMEM. They look at what they are given and at
 * nothing else, so that the same counts give the same bytes; HTML asks source.c for the sources as well. */
#ifndef HRV_EXPORT_H
#define HRV_EXPORT_H

#include "buffer.h"
#include "dump.h"
#include "samples.h"

#include <signal.h>
#include <stdbool.h>

/* One format: of counts, or of stacks over a span of time. */
struct hrv_export {
	const char *name; /* "lcov" */
	bool binary;
	int (*write)(const struct hrv_dump *dump, struct hrv_buffer *out); /* or, when it is NULL: */
	int (*write_samples)(const struct hrv_dump *dump, const struct hrv_samples *samples, struct hrv_buffer *out);
};

/* NULL: there is no such format. */
const struct hrv_export *hrv_export_find(const char *name);

/* The program as it is now, in that format, appended to `out`. Stacks are gathered for `seconds` if it is one of those:
 * `signals` and *signalled_out are hrv_sampling_run()'s. HR_ECORRUPT, HR_ENOMEM. */
int hrv_export_make(const struct hrv_export *format, struct hrv_program *program, unsigned long seconds,
                    const sigset_t *signals, bool *signalled_out, struct hrv_buffer *out);

/* For people. */
int hrv_export_text(const struct hrv_dump *dump, struct hrv_buffer *out);

/* lcov's tracefile, geninfo(1): one record a file on disk, all lines that can be hit. No functions: nothing here counts
 * calls, and the hits of a function's first line are not its calls when that line is a loop. */
int hrv_export_lcov(const struct hrv_dump *dump, struct hrv_buffer *out);

/* Cobertura's coverage-04.dtd: a package for each directory, a class for each file on disk. Names are relative to the
 * program's working directory where they can be. Branches are not counted: 0 of 0. */
int hrv_export_cobertura(const struct hrv_dump *dump, struct hrv_buffer *out);

/* One HTML file that loads nothing and runs nothing: every traced file with its counts and bars, and the stacks.
 * Sources are read as source.c lets them; one that cannot be had is said to be so. */
int hrv_export_html(const struct hrv_dump *dump, struct hrv_buffer *out);

/* Gzipped profile.proto of pprof: samples, and wall time where it is known, by thread and run state. `dump` was read
 * after the last look. */
int hrv_export_pprof(const struct hrv_dump *dump, const struct hrv_samples *samples, struct hrv_buffer *out);

/* speedscope's JSON: a profile for each thread, in order of time. `dump` as above. */
int hrv_export_speedscope(const struct hrv_dump *dump, const struct hrv_samples *samples, struct hrv_buffer *out);

/* Can `file` stand in a format whose readers look for it on disk? Its path is UTF-8, without control characters, and
 * some line of it can be hit. */
bool hrv_export_has_file(const struct hrv_dump_file *file);

/* Sum of a file's hits. */
uint64_t hrv_export_hits(const struct hrv_dump_file *file);

/* The moment of the last hit, nanoseconds since the epoch; of a program without any its start, 0 unknown. */
uint64_t hrv_export_time(const struct hrv_dump *dump);

/* What a profile calls the function of `code` (struct hrv_place); the caller frees it. NULL: not known. */
char *hrv_export_function(const struct hrv_dump *dump, uint32_t code);

#endif
