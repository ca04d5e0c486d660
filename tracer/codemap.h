/* codemap.h — code object → its slots.
 *
 * Each code object that was looked at has one struct hrt_code (code_extra.h). Equal code objects (file and content,
 * first line, qualified name, line table) share one run of slots. */
#ifndef HRT_CODEMAP_H
#define HRT_CODEMAP_H

#include "code_extra.h"
#include "hr_atomic.h"
#include "tracer.h"

#include <string.h>

#define HRT_JUMPS 4 /* backward jumps of one code object whose lines are remembered */

struct hrt_twin;

/* What equal code objects share: which slot each of their lines has. */
struct hrt_run {
	struct hrt_run *next; /* in its bucket */
	uint64_t key[2];
	uint32_t index;      /* in the segment's codes */
	uint32_t slot_first; /* in its slots */
	uint32_t first_line;
	uint32_t line_count : 31; /* from its first line to its last; 0: seen in stacks only */
	uint32_t wide : 1;        /* slot_of has four bytes a line */
	unsigned char slot_of[];  /* each line's, counted from slot_first; all bits set: none */
};

/* There is one for each code object that runs. */
struct hrt_code {
	PyCodeObject *py_code; /* first, as code_extra.h wants it; borrowed: this ends with it */
	union {
		struct hrt_run *run;        /* NULL before it was asked for */
		struct hrt_code *next_free; /* of an entry that has ended: its py_code is NULL */
	};
	uint64_t generation; /* of hrt_tracer when it was decided; older: ask again */
	uint32_t refused;    /* its low half when a full table refused it: no use to ask again before it grows */
	bool counted;        /* its run has slots, and hits go there */
	bool local_events;   /* the monitoring backend has switched LINE on */
	bool keep_start;     /* and must not disable PY_START (pycompat.h: HRT_LINE_NEEDS_RESUME) */
	struct hrt_jump {
		int from, line;
	} * jumps;                 /* the monitoring backend's: HRT_JUMPS of them, by offset; NULL before the first */
	int64_t heat;              /* tiers.c: hits counted by events, less as many as make it worth a twin */
	struct hrt_twin *twin;     /* tiers.c: of the original and of the twin itself, NULL none */
	PyCodeObject *py_original; /* of a twin; NULL of all other code. Borrowed from `twin` */
	PyObject *py_function;     /* functions.c: the one that was seen last, to be compared; NULL none */
};

/* Once a process, by Python code. Sets a Python exception on failure. */
int hrt_codemap_init(void);

/* The entry of a code object, or NULL when nobody has looked at it yet. */
static inline struct hrt_code *hrt_code_peek(PyCodeObject *py_code)
{
	return hrt_code_extra(py_code);
}

/* Decides whether the code is traced and gives it slots if so. May run filters; keeps a pending exception.
 * NULL without memory and, with *later set, when it is to be asked again. `py_globals` (may be NULL) helps to find the
 * source of what is not a file. */
struct hrt_code *hrt_code_decide(PyCodeObject *py_code, PyObject *py_globals, bool *later);

/* Gives the entry of a twin slots of its own, for probes, beside those of `original`. Keeps a pending exception. An
 * error code: there is no room. */
int hrt_code_take_probe_slots(struct hrt_code *twin, const struct hrt_code *original);

/* The entry of a code object, made when there is none; NULL without memory. */
struct hrt_code *hrt_code_get(PyCodeObject *py_code);

/* Index for a stack frame; runs no Python code. HR_INDEX_NONE when the tables are full, or while the
 * file is being entered by another thread. */
uint32_t hrt_code_index(PyCodeObject *py_code);

/* Whether there is no index because a table was full, and not only not yet. */
static inline bool hrt_code_refused(PyCodeObject *py_code)
{
	const struct hrt_code *code = hrt_code_peek(py_code);

	if (code && code->py_original)
		return hrt_code_refused(code->py_original);
	return !code || code->refused == (uint32_t)hrt_tracer.generation;
}

/* NULL where the line has none. */
static inline struct hr_slot *hrt_code_slot(const struct hrt_code *code, uint32_t line)
{
	const struct hrt_run *run = code->run;
	uint32_t slot;

	if (!code->counted || line - run->first_line >= run->line_count)
		return NULL;
	if (run->wide)
		memcpy(&slot, run->slot_of + (line - run->first_line) * sizeof slot, sizeof slot);
	else
		slot = run->slot_of[line - run->first_line] == UINT8_MAX ? UINT32_MAX
		                                                         : run->slot_of[line - run->first_line];
	return slot == UINT32_MAX ? NULL : &hrt_tracer.slots[run->slot_first + slot];
}

/* Counts a hit of `line`. */
static inline void hrt_code_hit(const struct hrt_code *code, uint32_t line)
{
	struct hr_slot *slot = hrt_code_slot(code, line);

	if (slot)
		hr_slot_hit(slot, hrt_tracer.tick);
	else
		hrt_segment_drop(hrt_tracer.segment, HR_DROP_HITS, 1);
}

/* Calls `visit` for every code object that has an entry. */
void hrt_codemap_each(void (*visit)(struct hrt_code *code));

/* Forgets all runs: no entry counts any more. */
void hrt_codemap_clear(void);

#endif
