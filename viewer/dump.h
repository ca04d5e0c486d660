/* dump.h — all that one program's segment says at one moment, ready to be printed. */
#ifndef HRV_DUMP_H
#define HRV_DUMP_H

#include "codes.h"
#include "discover.h"
#include "moment.h"
#include "stacks.h"

/* A line that can be hit. */
struct hrv_dump_line {
	uint32_t line;
	uint64_t hits; /* 0: it was not, since counting began */
	uint64_t last_tick;
};

/* A path with its lines, ascending; files of one path (it changed while the program ran) are one here. */
struct hrv_dump_file {
	const char *path; /* repaired, terminated */
	uint32_t index;   /* in the segment: the newest of that path */
	bool on_disk;     /* else code without a file: "<string>" */
	const struct hrv_dump_line *lines;
	size_t line_count;
	size_t hit_count;                /* lines of them that were hit */
	uint64_t event_hits, probe_hits; /* by what counted them */
};

struct hrv_dump {
	const struct hrv_program *program;
	struct hrv_dump_file *files; /* traced, or with lines; by path, bytewise */
	size_t file_count;
	struct hrv_dump_line *lines;
	char **paths; /* by index in the segment */
	struct hrv_codes codes;
	struct hrv_stacks stacks;
	struct hrv_status status;
	struct hrv_moment moment;
	uint64_t last_hit_tick; /* of any line; HR_TICK_NEVER: none was hit */
};

/* Reads it all. `program` must outlive *out, which the caller ends with hrv_dump_fini() in any case. A program without
 * a reader gives an empty dump. HR_ECORRUPT leaves hrv_reader_why(); HR_ENOMEM. */
int hrv_dump_read(const struct hrv_program *program, struct hrv_dump *out);
void hrv_dump_fini(struct hrv_dump *dump);

/* The path of a frame's file, or NULL; and its function's name, repaired, which the caller frees (NULL: unknown). */
const char *hrv_dump_path(const struct hrv_dump *dump, const struct hrv_frame *frame);
char *hrv_dump_function(const struct hrv_dump *dump, const struct hrv_frame *frame);

/* Text `str` of the segment, repaired; the caller frees it. NULL: it cannot be had. */
char *hrv_dump_text(const struct hrv_dump *dump, struct hr_str str);

#endif
