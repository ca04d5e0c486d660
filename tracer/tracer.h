/* tracer.h — what the tracer's units know in common: the one running tracer of this process.
 *
 * Everything here is touched with the GIL held only. */
#ifndef HRT_TRACER_H
#define HRT_TRACER_H

#include "pycompat.h"
#include "segment.h"

struct hrt_tracer {
	struct hrt_segment *segment; /* NULL: not tracing */
	struct hr_slot *slots;
	const _Atomic uint64_t *tick;
	/* Grows with each start and each added filter: a decision or an index made under an older one is asked again.
	 */
	uint64_t generation;
	uint64_t first_generation; /* of this start: indices made before it belong to another segment */
	uint64_t only_thread;      /* id of the one thread's state, which no other ever has (an ident may), 0 all */
	PyObject *py_filters;      /* list of callables path -> bool */
	uint64_t filters_told;     /* bit i: that filter i raises has been noted */
	PyObject *py_callers;      /* set of code file names that called trace() */
	bool told_full;            /* the one line on stderr has been written */
	unsigned long ending;      /* ident of a thread that is stopping it and may run Python code meanwhile, 0 none */
	bool children;             /* forked children are traced too, and know how to tell new programs */
	bool forked;               /* a child of which nobody has settled what becomes of it (process.h) */
	bool sampling;             /* our own thread has the GIL: no Python code may run */
};

extern struct hrt_tracer hrt_tracer;

/* Of the calling thread, for other threads may fork meanwhile: subprocess forks a child that only becomes another
 * program. */
extern _Thread_local bool hrt_starting;

/* Puts everything back and lets the segment go; `end` is HR_END_UNKNOWN in a forked child that has none of its own. */
void hrt_tracer_end(enum hr_end end);

/* Whether a thread is to be traced. */
static inline bool hrt_tracer_wants(const PyThreadState *thread)
{
	return hrt_tracer.only_thread == 0 || thread->id == hrt_tracer.only_thread;
}

/* Whether the tracer still is the one that it was when `life` was its first_generation. To be asked after each call
 * that runs Python code or gives the GIL away: it may have been stopped, and started anew. */
static inline bool hrt_tracer_lives(uint64_t life)
{
	return hrt_tracer.segment && hrt_tracer.first_generation == life;
}

/* Notes `text` in the segment. */
void hrt_note(enum hr_note_kind kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* After Python code of a filter or of our own. A Ctrl-C that came meanwhile is the program's, which gets it anew. */
void hrt_forget_exception(void);

/* After a failed registration: says once, on sys.stderr, that counting is incomplete. */
void hrt_tell_full(int err);

#endif
