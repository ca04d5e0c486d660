/* wire.h — docs/wire.md as functions: plain structs to msgpack, 16 bytes to a request.
 *
 * Pure: knows nothing of segments, sockets or time. All texts are borrowed for the call and repaired to UTF-8. */
#ifndef HRV_WIRE_H
#define HRV_WIRE_H

#include "buffer.h"
#include "hr_layout.h"
#include "life.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

#define HRV_WIRE_VERSION       1
#define HRV_WIRE_REQUEST_BYTES 16

/* What a frame of a program holds beside the list of programs; what is beyond comes with the next ones. */
#define HRV_WIRE_FRAME_MAX_BYTES (UINT32_C(4) << 20)

struct hrv_wire_request {
	bool full;
	bool all;         /* the lines of every file */
	bool lead;        /* what is shown is left to us: the only program, its caller's file */
	uint32_t file;    /* HR_INDEX_NONE none */
	uint64_t program; /* instance, 0 none */
};

/* HR_EARG for anything but a request of this version; *out untouched. */
int hrv_wire_decode_request(const void *bytes, size_t len_bytes, struct hrv_wire_request *out);

/* A program in the list. */
struct hrv_wire_program {
	uint64_t id;
	uint64_t parent; /* 0 none */
	uint32_t pid;
	uint32_t python_hex; /* 0 unknown */
	enum hrv_life life;
	struct hrv_text why; /* empty: absent */
	struct hrv_text name;
	struct hrv_text argv; /* each argument ended by a NUL byte */
	struct hrv_text caller;
	uint64_t start_ns; /* CLOCK_REALTIME */
	uint64_t end_ns;   /* same, 0 none */
};

/* How a program of the list is doing. */
struct hrv_wire_pulse {
	uint64_t id;
	uint64_t hits;
	uint32_t threads;
};

struct hrv_wire_file {
	uint32_t index;
	struct hrv_text path;
	bool traced, disk, source, changed;
};

struct hrv_wire_stack_frame {
	uint32_t file; /* HR_INDEX_NONE none */
	struct hrv_text function;
	uint32_t line;
	uint32_t end_line, col, end_col; /* HR_INDEX_NONE unknown */
};

struct hrv_wire_thread {
	uint64_t id;
	uint64_t native;
	struct hrv_text name;
	bool task;
	enum hr_run_state state;
	uint64_t since_tick;
	uint64_t tick;
	uint32_t depth;
	uint32_t elided_at;
	uint32_t frame_count;
	const struct hrv_wire_stack_frame *frames; /* outermost first */
};

struct hrv_wire_note {
	uint32_t kind; /* enum hr_note_kind, or one of a later minor version */
	uint64_t tick;
	struct hrv_text text;
};

/* A table of the segment. */
struct hrv_wire_table {
	const char *name;
	uint64_t used, capacity; /* elements; of strings bytes */
};

/* Three numbers: which (file or line), hits, last tick. */
struct hrv_triple {
	uint64_t which;
	uint64_t hits;
	uint64_t last_tick;
};
#define HRV_WIRE_TRIPLE_BYTES 27u /* at most */

/* Lines of a file that have changed. */
struct hrv_wire_lines {
	uint32_t file;
	bool full; /* these replace what was given before */
	const struct hrv_triple *triples;
	size_t count;
};

/* The text of a file, UTF-8. */
struct hrv_wire_source {
	uint32_t file;
	struct hrv_text text;
	bool changed; /* it is not what the program loaded */
};

/* The program that was asked for. What is empty is absent on the wire, but the lines when those of one file are
 * wanted. */
struct hrv_wire_detail {
	uint64_t id;
	bool full;
	bool gone; /* nothing below is sent */
	uint64_t tick;
	const struct hrv_wire_file *files;
	size_t file_count;
	const struct hrv_triple *totals;
	size_t total_count;
	bool all;                           /* `lines` are of every file with changes; else of one, or none */
	const struct hrv_wire_lines *lines; /* by file */
	size_t lines_count;
	bool has_threads;
	const struct hrv_wire_thread *threads;
	size_t thread_count;
	bool has_drops;
	uint64_t drops[HR_DROP_MAX];
	const struct hrv_wire_note *notes;
	size_t note_count;
	bool has_sampler;
	double sampler_cpu_ms;
	uint64_t sampler_samples;
	const struct hrv_wire_table *tables;
	size_t table_count;
	const struct hrv_wire_source *source; /* NULL: absent */
};

struct hrv_wire_frame {
	double now_ms; /* since 1970 */
	bool more;     /* there is more than fits into a frame: the next ones have it */
	bool has_programs;
	const struct hrv_wire_program *programs;
	size_t program_count;
	bool has_pulses;
	const struct hrv_wire_pulse *pulses;
	size_t pulse_count;
	const struct hrv_wire_detail *program; /* NULL: none was asked for */
	bool has_viewer;
	double viewer_cpu_ms;
};

/* Appends the frame to `out`. HR_ENOMEM: what `out` holds then is not a frame. */
int hrv_wire_encode(const struct hrv_wire_frame *frame, struct hrv_buffer *out);

/* Appends a program's map in the list. HR_ENOMEM likewise. */
int hrv_wire_encode_program(const struct hrv_wire_program *program, struct hrv_buffer *out);

#define HRV_PYTHON_BYTES 24

/* "3.14.8" for 0x030e08f0, "3.15.0rc1" for a candidate, "" for 0. */
void hrv_python_format(uint32_t python_hex, char out[HRV_PYTHON_BYTES]);

/* "hits" for HR_DROP_HITS and so on; NULL for one that this version does not know. */
const char *hrv_drop_name(size_t drop);

/* "filter" for HR_NOTE_FILTER_RAISED; an unknown kind is "trouble", which is what the page can show. */
const char *hrv_note_name(uint32_t kind);

/* "running", "sleeping", "stopped"; "unknown" for anything else. */
const char *hrv_run_state_name(uint32_t state);

#endif
