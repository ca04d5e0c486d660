/* hr_layout.h — every byte of a segment: the contract between a traced program and its viewers.
 *
 * A segment is one file in /dev/shm, named by hr_name.h, written by one process (the tracer) and mapped
 * read-only by any number of others. This header is its specification; it holds types and no functions.
 * Memory-order rules live in hr_atomic.h, names in hr_name.h.
 *
 *   offset 0      struct hr_header    "A", cold: written before the segment can be found, constant afterwards
 *   control_off   struct hr_control   "B", hot: state, how much of each section is published, tick, drops
 *   section.off   arrays              strings, files, codes, slots, slot infos, threads, tasks, notes
 *
 * Publication. An element is written first, and then `used` of its section is release-stored past it; a reader
 * acquire-loads `used` and never touches an element at or beyond it (a read-only mapping that touches a hole
 * allocates the page). Strings, files, codes, slot infos and notes never change once published. Slots change
 * for ever (relaxed, one writer). Rows of threads and tasks are reused under a generation number.
 *
 * Versions. A minor version may append fields to a struct, sections, flag bits, note and drop kinds: a reader
 * strides by `elem_bytes` (and by the header's row, snapshot and frame strides), skips kinds that it does not
 * know, and must not show the count of a slot that carries a flag bit that it does not know. Anything else is a
 * new major version, which a reader refuses.
 *
 * Everything is in the byte order of the machine; fixed widths, no pointers. Times are nanoseconds unless their
 * name says otherwise. A tick is a millisecond since `start_monotonic_ns`.
 */
#ifndef HR_LAYOUT_H
#define HR_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define HR_MAGIC        UINT64_C(0x314d485352545248) /* the bytes "HRTRSHM1" */
#define HR_LAYOUT_MAJOR 1
#define HR_LAYOUT_MINOR 0

#define HR_SECTION_MAX       16 /* entries in the section table and in `used` */
#define HR_DROP_MAX          16
#define HR_RING              4 /* snapshots per row; one starves the reader under a busy writer (docs/architecture.md) */
#define HR_THREAD_NAME_BYTES 64
#define HR_INDEX_NONE        UINT32_MAX /* "no file", "no code" */
#define HR_TICK_NEVER        UINT64_C(0)

/* What a section holds; the element type is in the comment. */
enum hr_kind {
	HR_KIND_NONE = 0,
	HR_KIND_STRINGS = 1,    /* bytes, addressed by struct hr_str */
	HR_KIND_FILES = 2,      /* struct hr_file */
	HR_KIND_CODES = 3,      /* struct hr_code */
	HR_KIND_SLOTS = 4,      /* struct hr_slot: the hit counters */
	HR_KIND_SLOT_INFOS = 5, /* struct hr_slot_info, one for each slot, same index */
	HR_KIND_THREADS = 6,    /* struct hr_row, ring included */
	HR_KIND_TASKS = 7,      /* struct hr_row, ring included: asyncio tasks */
	HR_KIND_NOTES = 8,      /* struct hr_note */
	HR_KIND_FORMULAS = 9,   /* kept for derived counters (HR_SLOT_DERIVED): which slots a count follows from */
	HR_KIND_TERMS = 10,     /* kept for the same: the formulas' terms */
};

enum hr_state {
	HR_STATE_INIT = 0, /* being filled; its name is not yet the final one */
	HR_STATE_LIVE = 1,
	HR_STATE_CLOSED = 2, /* ended well: nothing changes any more */
};

/* How a segment came to be closed; meaningful once state is HR_STATE_CLOSED. */
enum hr_end {
	HR_END_UNKNOWN = 0,
	HR_END_STOPPED = 1, /* the program called stop() and ran on */
	HR_END_EXIT = 2,    /* the process ran through exit() */
	HR_END_EXEC = 3,    /* the process became another program */
};

/* Why something was not recorded; the index into hr_control.drops. */
enum hr_drop {
	HR_DROP_HITS = 0,  /* line hits that found no slot */
	HR_DROP_CODES = 1, /* code objects left uncounted: a table or the memory was full */
	HR_DROP_FILES = 2,
	HR_DROP_STRINGS = 3, /* texts cut or left out: the strings section was full */
	HR_DROP_THREADS = 4, /* threads without a row */
	HR_DROP_TASKS = 5,
	HR_DROP_SOURCES = 6, /* source texts that found no room */
	HR_DROP_NOTES = 7,
	HR_DROP_MEMORY = 8, /* refused by the system: /dev/shm is full */
	HR_DROP_FRAMES = 9, /* frames in a stack whose code object has no entry */
	HR_DROP_COUNT = 10,
};

/* A piece of the strings section: UTF-8, with surrogateescape for bytes that are not. {0,0} is "". */
struct hr_str {
	uint32_t off;       /* bytes from the start of the strings section */
	uint32_t len_bytes; /* without a terminator */
};
static_assert(sizeof(struct hr_str) == 8, "layout 1: str");

struct hr_section {
	uint64_t off;        /* bytes from segment start, 64-aligned */
	uint64_t capacity;   /* elements; fixed for this instance */
	uint32_t elem_bytes; /* the stride; may grow in a minor version */
	uint32_t kind;       /* enum hr_kind; readers skip what they do not know */
};
static_assert(sizeof(struct hr_section) == 24, "layout 1: section");

/* A. Written once, before the segment gets its final name. */
struct hr_header {
	uint64_t magic;        /* HR_MAGIC */
	uint16_t major;        /* HR_LAYOUT_MAJOR */
	uint16_t minor;        /* HR_LAYOUT_MINOR */
	uint32_t header_bytes; /* sizeof(struct hr_header) of the writer */
	uint64_t total_bytes;  /* st_size: the reserved address space, sparse */
	uint64_t control_off;  /* bytes from segment start, 64-aligned */

	/* Who wrote it. boot id + pid namespace + start_ticks + instance is the identity; a pid alone is not. */
	uint64_t instance;        /* random, also in the name, never 0 */
	uint64_t parent_instance; /* the traced process that started this one, or 0 */
	uint8_t boot_id[16];      /* /proc/sys/kernel/random/boot_id */
	uint64_t pidns_inode;     /* inode of /proc/self/ns/pid */
	uint64_t start_ticks;     /* when it began: clock ticks after boot, by hr_boot_ticks() */
	uint32_t pid;             /* as the process itself sees it */
	uint32_t parent_pid;
	uint32_t uid;
	uint32_t python_hex;         /* Py_Version, e.g. 0x030e08f0 */
	uint64_t start_realtime_ns;  /* CLOCK_REALTIME when the segment was made */
	uint64_t start_monotonic_ns; /* CLOCK_MONOTONIC at the same moment: tick 0 */

	struct hr_str name;       /* what the user calls the program */
	struct hr_str argv;       /* the arguments, each ended by a NUL byte */
	struct hr_str executable; /* sys.executable */
	struct hr_str cwd;        /* when the segment was made */
	struct hr_str caller;     /* path of the file that called trace(): the view to open first */

	/* Strides inside the rows of HR_KIND_THREADS and HR_KIND_TASKS: a row is `row_bytes`, then HR_RING
	 * snapshots of `snapshot_bytes` + frame capacity * `frame_bytes` each; the section's elem_bytes is all of it.
	 */
	uint32_t row_bytes;
	uint32_t snapshot_bytes;
	uint32_t frame_bytes;
	uint32_t thread_frames; /* frame capacity of a thread's snapshot */
	uint32_t task_frames;

	uint32_t section_count; /* <= HR_SECTION_MAX */
	struct hr_section sections[HR_SECTION_MAX];
};
static_assert(offsetof(struct hr_header, control_off) == 24, "layout 1: header");
static_assert(offsetof(struct hr_header, boot_id) == 48, "layout 1: header");
static_assert(offsetof(struct hr_header, pid) == 80, "layout 1: header");
static_assert(offsetof(struct hr_header, name) == 112, "layout 1: header");
static_assert(offsetof(struct hr_header, sections) == 176, "layout 1: header");
static_assert(sizeof(struct hr_header) == 560, "layout 1: header");

/* B. Loaded and stored only through hr_atomic.h. */
struct hr_control {
	_Atomic uint64_t tick; /* milliseconds since start_monotonic_ns; advanced about every 10 ms */
	uint64_t tick_pad[7];  /* the hot path loads tick: nothing else may dirty its cache line */

	_Atomic uint32_t state; /* enum hr_state */
	_Atomic uint32_t end;   /* enum hr_end */
	_Atomic uint64_t end_realtime_ns;
	_Atomic uint64_t sampler_cpu_ns; /* processor time the sampler thread has used */
	_Atomic uint64_t samples;        /* passes over all threads' stacks */
	uint64_t pad[4];

	_Atomic uint64_t used[HR_SECTION_MAX]; /* published elements, by position in the section table */
	_Atomic uint64_t drops[HR_DROP_MAX];   /* by enum hr_drop */
};
static_assert(offsetof(struct hr_control, state) == 64, "layout 1: control");
static_assert(offsetof(struct hr_control, used) == 128, "layout 1: control");
static_assert(offsetof(struct hr_control, drops) == 256, "layout 1: control");
static_assert(sizeof(struct hr_control) == 384, "layout 1: control");

enum hr_file_flag {
	HR_FILE_TRACED = 1u << 0,  /* its lines are counted */
	HR_FILE_ON_DISK = 1u << 1, /* path names a file; size, mtime (and hash, when traced) are its */
	HR_FILE_SOURCE = 1u << 2,  /* `source` is the text (exec, <stdin>, notebook cells, zip members) */
};

/* A source file as one program saw it. A file that changed while the program ran has an entry for each content. */
struct hr_file {
	struct hr_str path;   /* absolute, or the name that its code objects carry ("<string>") */
	struct hr_str source; /* UTF-8 text, with HR_FILE_SOURCE */
	uint64_t size_bytes;
	int64_t mtime_ns; /* CLOCK_REALTIME */
	uint64_t hash;    /* FNV-1a 64 of the file's bytes, 0 unknown */
	uint32_t flags;   /* enum hr_file_flag */
	uint32_t reserved;
};
static_assert(sizeof(struct hr_file) == 48, "layout 1: file");

/* A code object (function, class body, module): a run of slots, one a line. Equal code objects share one. */
struct hr_code {
	struct hr_str qualname;
	uint32_t file;       /* index into files */
	uint32_t first_line; /* 1-based */
	uint32_t slot_first; /* index into slots */
	uint32_t slot_count; /* 0: seen in stacks only, not counted */
};
static_assert(sizeof(struct hr_code) == 24, "layout 1: code");

/* One line of one code object. A file's line is the sum over its code objects. */
struct hr_slot {
	_Atomic uint64_t hits;
	_Atomic uint64_t last_tick; /* tick of the last hit; HR_TICK_NEVER before the first */
};
static_assert(sizeof(struct hr_slot) == 16, "layout 1: slot");

enum hr_slot_flag {
	HR_SLOT_DERIVED = 1u << 0, /* kept: the count is not in `hits` but follows from HR_KIND_FORMULAS */
	HR_SLOT_PROBES = 1u << 1,  /* inline probes count here; the code has another run, where events count */
};

struct hr_slot_info {
	uint32_t line;  /* 1-based */
	uint32_t flags; /* enum hr_slot_flag */
};
static_assert(sizeof(struct hr_slot_info) == 8, "layout 1: slot info");

/* One frame of a stack. Lines are 1-based; columns 0-based in UTF-8 bytes of the source; HR_INDEX_NONE unknown. */
struct hr_frame {
	_Atomic uint32_t code; /* index into codes */
	_Atomic uint32_t line;
	_Atomic uint32_t end_line;
	_Atomic uint32_t col;
	_Atomic uint32_t end_col;
	_Atomic uint32_t reserved;
};
static_assert(sizeof(struct hr_frame) == 24, "layout 1: frame");

enum hr_run_state { /* what the kernel said before the interpreter's lock was taken */
	            HR_RUN_UNKNOWN = 0,
	            HR_RUN_RUNNING = 1,
	            HR_RUN_SLEEPING = 2,
	            HR_RUN_STOPPED = 3,
};

/* A stack at one moment, outermost frame first. When it is deeper than the capacity the middle is left out:
 * frames[0 .. elided_at) are the outermost, the rest the innermost, depth - frame_count are missing between. */
struct hr_snapshot {
	_Atomic uint64_t seq;         /* the publication that this slot holds; 0 while it is written */
	_Atomic uint64_t tick;        /* when it was taken */
	_Atomic uint64_t since_tick;  /* since when every sample has found this same stack */
	_Atomic uint32_t depth;       /* frames the stack had */
	_Atomic uint32_t frame_count; /* frames stored */
	_Atomic uint32_t elided_at;   /* == frame_count when nothing is left out */
	_Atomic uint32_t run_state;   /* enum hr_run_state */
	_Atomic uint64_t name[HR_THREAD_NAME_BYTES / 8]; /* UTF-8, padded with NUL */
	                                                 /* struct hr_frame frames[thread_frames or task_frames] */
};
static_assert(sizeof(struct hr_snapshot) == 104, "layout 1: snapshot");

/* A thread or an asyncio task. `generation` is odd while the row is in use; it grows when the row is taken and
 * when it is given back, so a reader that finds it changed knows that what it copied was two things. */
struct hr_row {
	_Atomic uint64_t generation;
	_Atomic uint64_t ident;     /* threading.get_ident(); of a task its address */
	_Atomic uint64_t native_id; /* kernel thread id, 0 unknown; of a task the ident of its loop's thread */
	_Atomic uint64_t published; /* seq of the newest snapshot, in ring slot seq % HR_RING; 0 none */
	uint64_t reserved[4];
	/* HR_RING times: struct hr_snapshot and its frames */
};
static_assert(sizeof(struct hr_row) == 64, "layout 1: row");

enum hr_note_kind {
	HR_NOTE_FILTER_RAISED = 1, /* a files filter raised: text says for which path and what */
	HR_NOTE_TAKEN_OVER = 2,    /* another tool took the trace function: text names it */
	HR_NOTE_RESUMED = 3,       /* and gave it back */
	HR_NOTE_TROUBLE = 4,       /* anything else that the user should know, in words */
};

/* Something to tell the user once. */
struct hr_note {
	struct hr_str text;
	uint64_t tick;
	uint32_t kind; /* enum hr_note_kind */
	uint32_t reserved;
};
static_assert(sizeof(struct hr_note) == 24, "layout 1: note");

#endif
