/* twin_read.c — takes code apart: instructions with their places, jumps and line events, and the exception table. */
#include "twin_parts.h"

#if HRT_HAVE_TWINS

#include <stdlib.h>
#include <string.h>

static const char malformed[] = "the code is not what a compiler makes";

static void *zalloc(struct hrt_editor *e, size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		e->reason = HRT_NO_MEMORY;
	return memory;
}

/* What cannot raise, so that its line never meets a handler. All else may. */
static bool may_raise(int op)
{
	switch (op) {
	case NOP:
	case POP_TOP:
	case COPY:
	case SWAP:
	case PUSH_NULL:
	case LOAD_CONST:
	case STORE_FAST:
	case STORE_DEREF:
	case JUMP_FORWARD:
	case PUSH_EXC_INFO:
	case POP_EXCEPT:
	case MAKE_CELL:
#if HRT_ENDS_ARE_MARKED /* before, throw() ends a delegation in its JUMP_BACKWARD_NO_INTERRUPT */
	case JUMP_BACKWARD_NO_INTERRUPT:
	case END_FOR:
	case END_SEND:
#endif
#ifdef LOAD_FAST_CHECK
	case LOAD_FAST:
	case LOAD_FAST_AND_CLEAR:
#endif
#if HRT_JUMPS_ONLY_ON
	case POP_JUMP_IF_NONE:
	case POP_JUMP_IF_NOT_NONE:
#endif
	case RETURN_VALUE:
#ifdef RETURN_CONST
	case RETURN_CONST:
#endif
#ifdef POP_ITER
	case POP_ITER:
#endif
#ifdef NOT_TAKEN
	case NOT_TAKEN:
#endif
#ifdef LOAD_SMALL_INT
	case LOAD_SMALL_INT:
#endif
#ifdef LOAD_FAST_BORROW
	case LOAD_FAST_BORROW:
	case LOAD_FAST_BORROW_LOAD_FAST_BORROW:
#endif
#ifdef LOAD_FAST_LOAD_FAST
	case LOAD_FAST_LOAD_FAST:
	case STORE_FAST_LOAD_FAST:
	case STORE_FAST_STORE_FAST:
#endif
		return false;
	default:
		return true;
	}
}

/* Of the exception table: big-endian. */
static unsigned read_varint(const unsigned char **at, const unsigned char *end)
{
	unsigned value = 0;

	while (*at < end) {
		unsigned char byte = *(*at)++;
		value = value << 6 | (byte & 63);
		if (!(byte & 64))
			break;
	}
	return value;
}

/* Whether the interpreter has, or looks for, line events at the instruction, which is of that opcode. */
static bool is_marked(const PyCodeObject *py_code, const struct instruction *i)
{
#if HRT_EVENTS_ARE_MARKED
	return (unsigned char)py_code->co_code_adaptive[i->at * 2] == INSTRUMENTED_LINE;
#else
	return i->place.line >= 0 && i->op != RESUME && i->at > (uint32_t)py_code->_co_firsttraceable;
#endif
}

/* And there alone: no line begins within an instruction. */
static bool is_marked_within(const PyCodeObject *py_code, const struct instruction *i, uint32_t unit)
{
#if HRT_EVENTS_ARE_MARKED
	return unit > i->at && (unsigned char)py_code->co_code_adaptive[unit * 2] == INSTRUMENTED_LINE;
#else
	(void)py_code, (void)i, (void)unit;
	return false;
#endif
}

/* The place of each code unit. */
static struct hrt_position *read_places(struct hrt_editor *e)
{
	struct hrt_position *places = zalloc(e, e->unit_count, sizeof *places);
	struct hrt_places table;
	uint32_t unit = 0;

	if (!places)
		return NULL;
	hrt_places_begin(&table, e->py_code);
	while (unit < e->unit_count && hrt_places_next(&table))
		for (; table.units > 0 && unit < e->unit_count; table.units--)
			places[unit++] = table.position;
	if (unit == e->unit_count)
		return places;
	e->reason = malformed;
	free(places);
	return NULL;
}

static int read_instructions(struct hrt_editor *e)
{
	struct hrt_position *places = read_places(e);
	bool near_lines_only = HRT_EVENTS_ARE_MARKED && hrt_python_hex() < HRT_FAR_LINES_ARE_EXACT;
	int marked = 0;

	if (!places)
		return -1;
	e->instructions = zalloc(e, e->unit_count, sizeof *e->instructions);
	e->at_unit = zalloc(e, e->unit_count + 1, sizeof *e->at_unit);
	e->seen = zalloc(e, e->unit_count, sizeof *e->seen);
	e->todo = zalloc(e, e->unit_count + 1, sizeof *e->todo);
	if (!e->instructions || !e->at_unit || !e->seen || !e->todo)
		goto fail;
	memset(e->at_unit, 0xff, (e->unit_count + 1) * sizeof *e->at_unit);
	for (uint32_t unit = 0; unit < e->unit_count;) {
		struct instruction *i = &e->instructions[e->count];
		*i = (struct instruction){.at = unit, .place = places[unit], .target = -1, .probe = -1};
		while (e->code[unit * 2] == EXTENDED_ARG && unit + 1 < e->unit_count) {
			i->arg = (i->arg | e->code[unit * 2 + 1]) << 8;
			if (is_marked_within(e->py_code, i, unit))
				goto unusual;
			unit++;
		}
		if (is_marked_within(e->py_code, i, unit))
			goto unusual;
		i->op = e->code[unit * 2];
		i->op_at = unit;
		i->arg |= e->code[unit * 2 + 1];
		i->marked = is_marked(e->py_code, i);
		marked += i->marked;
		i->raises = may_raise(i->op) || hrt_op_raises_as_resume(i->op);
		unit += 1 + (uint32_t)hrt_py_cache_units(i->op);
		if (unit > e->unit_count)
			goto unusual;
		i->end = unit;
		e->at_unit[i->at] = e->count++;
		int distance = i->place.line - e->py_code->co_firstlineno - (int)(i->at >> 4);
		if (near_lines_only && i->place.line >= 0 && (distance <= -127 || distance > 127)) {
			e->reason = "its lines are too far from its first one for this interpreter to have all events";
			goto fail;
		}
	}
	if (marked == 0) {
		e->reason = "it has no line events on";
		goto fail;
	}
	for (int k = 0; k < e->count; k++) {
		struct instruction *i = &e->instructions[k];
		int way = hrt_op_direction(i->op);
		int64_t unit = way > 0 ? (int64_t)i->end + i->arg : (int64_t)i->end - i->arg;
		if (way == 0)
			continue;
		if (unit < 0 || unit >= e->unit_count || e->at_unit[unit] < 0 || (way < 0 && i->arg == 0))
			goto unusual; /* what leads back must not lead on: a probe may stand there */
		i->target = e->at_unit[unit];
	}
	free(places);
	return 0;
unusual:
	e->reason = malformed;
fail:
	free(places);
	return -1;
}

static int read_ranges(struct hrt_editor *e)
{
	PyObject *py_table = e->py_code->co_exceptiontable;
	const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(py_table);
	const unsigned char *end = at + PyBytes_GET_SIZE(py_table);

	e->ranges = zalloc(e, (size_t)PyBytes_GET_SIZE(py_table), sizeof *e->ranges);
	if (!e->ranges)
		return -1;
	while (at < end) {
		uint32_t start = read_varint(&at, end), size = read_varint(&at, end);
		uint32_t handler = read_varint(&at, end), depth_lasti = read_varint(&at, end);
		if (start >= e->unit_count || size > e->unit_count - start || handler >= e->unit_count ||
		    e->at_unit[start] < 0 || e->at_unit[handler] < 0 ||
		    (start + size < e->unit_count && e->at_unit[start + size] < 0)) {
			e->reason = malformed;
			return -1;
		}
		e->ranges[e->range_count++] = (struct range){
		        .start = e->at_unit[start],
		        .end = start + size < e->unit_count ? e->at_unit[start + size] : e->count,
		        .handler = e->at_unit[handler],
		        .depth_lasti = depth_lasti,
		};
	}
	return 0;
}

int hrt_twin_read(struct hrt_editor *e)
{
	return read_instructions(e) != 0 ? -1 : read_ranges(e);
}

#endif
