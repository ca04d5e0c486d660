/* twin_parts.h — what the three parts of the bytecode editor share: twin_read.c takes code apart, twin.c decides where
 * probes stand, twin_write.c puts the twin together. */
#ifndef HRT_TWIN_PARTS_H
#define HRT_TWIN_PARTS_H

#include "places.h"
#include "pyinternal.h"
#include "twin.h"

#if HRT_HAVE_TWINS

#include <opcode.h>

struct instruction {
	struct hrt_position place;
	uint32_t at, op_at, end; /* code units of the original, with EXTENDED_ARG and caches */
	uint32_t arg;
	uint8_t op;
	bool marked;       /* the interpreter may have a line event here */
	bool fall_hits;    /* falling in from the instruction before hits the line */
	bool fall_quiet;   /* or does not */
	bool jump_hits;    /* a jump or an exception that comes here hits the line */
	bool quiet;        /* its own jump leads behind the target's probe */
	bool raises;       /* may raise */
	bool raises_quiet; /* and its handler is entered behind the probe */
	int target;        /* index of the instruction that the argument points to, -1 none */
	int probe;         /* index in the twin's constants, -1 none */
	bool hop;          /* a jump over the probe, or over nothing, stands before it */
	uint32_t new_at, new_probe, new_body, new_end; /* code units of the twin */
	uint32_t new_arg, new_width;                   /* code units of the opcode with its EXTENDED_ARGs */
};

/* [start, end) leads to handler, all of them instructions. */
struct range {
	int start, end, handler;
	uint32_t depth_lasti;
};

struct hrt_editor {
	PyCodeObject *py_code;
	const char *reason;
	const unsigned char *code; /* without specialisation and instrumentation */
	uint32_t unit_count;
	struct instruction *instructions;
	int count;
	int *at_unit; /* instruction that begins at a unit, -1 none */
	struct range *ranges;
	int range_count;
	uint32_t *seen; /* per instruction: the search that has been there */
	uint32_t search;
	int *todo;           /* of a search; an instruction adds one at most */
	int budget;          /* of searches, so that no code takes long */
	int stack_size;      /* that the twin needs */
	PyObject *py_probes; /* list: what is added to the constants */
};

#define HRT_NO_MEMORY "no memory"

/* Whether the argument is a distance, and in which direction. */
static inline int hrt_op_direction(int op)
{
	switch (op) {
	case JUMP_FORWARD:
#if HRT_JUMPS_ONLY_ON
	case POP_JUMP_IF_FALSE:
	case POP_JUMP_IF_TRUE:
	case POP_JUMP_IF_NONE:
	case POP_JUMP_IF_NOT_NONE:
#else
	case POP_JUMP_FORWARD_IF_FALSE:
	case POP_JUMP_FORWARD_IF_TRUE:
	case POP_JUMP_FORWARD_IF_NONE:
	case POP_JUMP_FORWARD_IF_NOT_NONE:
	case JUMP_IF_FALSE_OR_POP:
	case JUMP_IF_TRUE_OR_POP:
#endif
	case FOR_ITER:
	case SEND:
		return 1;
	case JUMP_BACKWARD:
	case JUMP_BACKWARD_NO_INTERRUPT:
#if !HRT_JUMPS_ONLY_ON
	case POP_JUMP_BACKWARD_IF_FALSE:
	case POP_JUMP_BACKWARD_IF_TRUE:
	case POP_JUMP_BACKWARD_IF_NONE:
	case POP_JUMP_BACKWARD_IF_NOT_NONE:
#endif
		return -1;
	case END_ASYNC_FOR:
		return HRT_END_ASYNC_FOR_POINTS_BACK ? -1 : 0;
	default:
		return 0;
	}
}

/* Whether control may go on to the next instruction. */
static inline bool hrt_op_falls_through(int op)
{
	switch (op) {
	case JUMP_FORWARD:
	case JUMP_BACKWARD:
	case JUMP_BACKWARD_NO_INTERRUPT:
	case RETURN_VALUE:
#ifdef RETURN_CONST
	case RETURN_CONST:
#endif
	case RAISE_VARARGS:
	case RERAISE:
#ifdef INTERPRETER_EXIT
	case INTERPRETER_EXIT:
#endif
		return false;
	default:
		return true;
	}
}

/* What stands where the stack of `await` and `yield from` is deepest, and throws a value of it away: its probe stands
 * in that value's place, so that generators, which never get more stack than they were made with, have room for twins.
 */
static inline bool hrt_probe_stands_in(const struct instruction *i)
{
#ifdef CLEANUP_THROW
	return i->op == CLEANUP_THROW;
#else
	(void)i;
	return false;
#endif
}

/* An exception that comes out of it is seen as coming from a RESUME: throw() enters a generator there. */
static inline bool hrt_op_raises_as_resume(int op)
{
	return HRT_EVENTS_ARE_MARKED && (op == RESUME || (HRT_THROW_ENTERS_AT_RESUME && op == YIELD_VALUE));
}

/* Fills the instructions and ranges from editor->py_code and editor->code. 0, or -1 with editor->reason set. */
int hrt_twin_read(struct hrt_editor *editor);

/* The stack that the original needs with the probes that the instructions have; the safe guess when in doubt. */
int hrt_twin_stack_size(const struct hrt_editor *editor);

/* The twin of what was read, with the probes and hops that the instructions say. NULL with editor->reason set. */
PyCodeObject *hrt_twin_write(struct hrt_editor *editor);

#endif
#endif
