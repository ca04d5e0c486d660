/* twin_write.c — puts a twin together: layout, bytecode, line table, exception table, constants. */
#include "twin_parts.h"

#if HRT_HAVE_TWINS

#include <stdlib.h>

struct bytes {
	unsigned char *at;
	size_t count, capacity;
	bool failed;
};

static uint32_t units_of(uint32_t arg)
{
	return arg > 0xffffff ? 4 : arg > 0xffff ? 3 : arg > 0xff ? 2 : 1;
}

/* LOAD_CONST probe; UNARY_NEGATIVE; POP_TOP. */
static uint32_t probe_units(const struct instruction *i)
{
	return units_of((uint32_t)i->probe) + 2 + (uint32_t)hrt_py_cache_units(UNARY_NEGATIVE) +
	       (hrt_probe_stands_in(i) ? 2 : 0);
}

/* Distances grow instructions and instructions grow distances: until nothing changes. */
static void lay_out(struct hrt_editor *e)
{
	bool grown = true;

	for (int k = 0; k < e->count; k++) {
		struct instruction *i = &e->instructions[k];
		i->new_arg = i->target >= 0 ? 0 : i->arg;
		i->new_width = units_of(i->new_arg);
	}
	while (grown) {
		uint32_t unit = 0;
		for (int k = 0; k < e->count; k++) {
			struct instruction *i = &e->instructions[k];
			i->new_at = unit;
			if (i->hop)
				unit += 1; /* over a probe: always near */
			i->new_probe = unit;
			if (i->probe >= 0)
				unit += probe_units(i);
			i->new_body = unit;
			unit += i->new_width + (uint32_t)hrt_py_cache_units(i->op);
			i->new_end = unit;
		}
		grown = false;
		for (int k = 0; k < e->count; k++) {
			struct instruction *i = &e->instructions[k];
			if (i->target < 0)
				continue;
			const struct instruction *target = &e->instructions[i->target];
			uint32_t to = i->quiet || i->op == END_ASYNC_FOR ? target->new_body
			              : i->op == SEND                    ? target->new_at /* falls in */
			                                                 : target->new_probe;
			i->new_arg = to > i->new_end ? to - i->new_end : i->new_end - to;
			if (units_of(i->new_arg) > i->new_width) { /* never shrinks: it might not come to an end */
				i->new_width = units_of(i->new_arg);
				grown = true;
			}
		}
	}
}

static void put(struct bytes *bytes, unsigned value)
{
	if (bytes->count == bytes->capacity) {
		size_t capacity = bytes->capacity ? bytes->capacity * 2 : 256;
		unsigned char *grown = realloc(bytes->at, capacity);
		if (!grown) {
			bytes->failed = true;
			return;
		}
		bytes->at = grown;
		bytes->capacity = capacity;
	}
	bytes->at[bytes->count++] = (unsigned char)value;
}

static void put_instruction(struct bytes *code, int op, uint32_t arg, uint32_t width)
{
	for (uint32_t n = width - 1; n > 0; n--) {
		put(code, EXTENDED_ARG);
		put(code, arg >> 8 * n);
	}
	put(code, (unsigned)op);
	put(code, arg);
	for (int n = hrt_py_cache_units(op); n > 0; n--) {
		put(code, 0);
		put(code, 0);
	}
}

/* SWAP 2; POP_TOP; LOAD_CONST probe; UNARY_NEGATIVE; SWAP 2 where it stands in for the second value of the stack. */
static void put_probe(struct bytes *code, const struct instruction *i)
{
	if (hrt_probe_stands_in(i)) {
		put_instruction(code, SWAP, 2, 1);
		put_instruction(code, POP_TOP, 0, 1);
	}
	put_instruction(code, LOAD_CONST, (uint32_t)i->probe, units_of((uint32_t)i->probe));
	put_instruction(code, UNARY_NEGATIVE, 0, 1);
	if (hrt_probe_stands_in(i))
		put_instruction(code, SWAP, 2, 1);
	else
		put_instruction(code, POP_TOP, 0, 1);
}

static void put_varint(struct bytes *table, unsigned value)
{
	while (value >= 64) {
		put(table, 64 | (value & 63));
		value >>= 6;
	}
	put(table, value);
}

static void put_signed(struct bytes *table, int value)
{
	put_varint(table, value < 0 ? (unsigned)-value << 1 | 1 : (unsigned)value << 1);
}

/* `place` for the next `units` code units; *line is the line that the table is at. */
static void put_place(struct bytes *table, const struct hrt_position *place, uint32_t units, int *line)
{
	for (; units > 0; units -= units > 8 ? 8 : units) {
		unsigned length = (units > 8 ? 8 : units) - 1;
		if (place->line < 0) {
			put(table, 128 | 15 << 3 | length);
			continue;
		}
		int delta = place->line - *line;
		*line = place->line;
		if (place->col < 0 || place->end_col < 0 || place->end_line != place->line) {
			bool plain = place->end_line == place->line && place->col < 0 && place->end_col < 0;
			put(table, 128 | (plain ? 13 : 14) << 3 | length);
			put_signed(table, delta);
			if (plain)
				continue;
			put_varint(table, (unsigned)(place->end_line - place->line));
			put_varint(table, (unsigned)(place->col + 1));
			put_varint(table, (unsigned)(place->end_col + 1));
		} else if (delta == 0 && place->col < 80 && place->end_col >= place->col &&
		           place->end_col - place->col < 16) {
			put(table, 128 | (unsigned)(place->col >> 3) << 3 | length);
			put(table, (unsigned)(place->col & 7) << 4 | (unsigned)(place->end_col - place->col));
		} else if (delta >= 0 && delta < 3 && place->col < 128 && place->end_col < 128) {
			put(table, 128 | (unsigned)(10 + delta) << 3 | length);
			put(table, (unsigned)place->col);
			put(table, (unsigned)place->end_col);
		} else {
			put(table, 128 | 14 << 3 | length);
			put_signed(table, delta);
			put_varint(table, 0);
			put_varint(table, (unsigned)(place->col + 1));
			put_varint(table, (unsigned)(place->end_col + 1));
		}
	}
}

static void put_table_varint(struct bytes *table, unsigned value, unsigned mark)
{
	for (int shift = 30; shift > 0; shift -= 6) {
		if (value >> shift) {
			put(table, mark | 64 | (value >> shift & 63));
			mark = 0;
		}
	}
	put(table, mark | (value & 63));
}

static void put_range(struct bytes *table, uint32_t start, uint32_t end, uint32_t handler, uint32_t depth_lasti)
{
	if (start == end)
		return;
	put_table_varint(table, start, 128);
	put_table_varint(table, end - start, 0);
	put_table_varint(table, handler, 0);
	put_table_varint(table, depth_lasti, 0);
}

static int write_code(struct hrt_editor *e, struct bytes *code, struct bytes *places, struct bytes *table)
{
	int line = e->py_code->co_firstlineno;

	for (int k = 0; k < e->count; k++) {
		const struct instruction *i = &e->instructions[k];
		if (i->hop)
			put_instruction(code, JUMP_FORWARD, i->new_body - i->new_probe, 1);
		if (i->probe >= 0)
			put_probe(code, i);
		if (code->count != i->new_body * 2) {
			e->reason = code->failed ? HRT_NO_MEMORY : "the layout does not hold";
			return -1;
		}
		put_instruction(code, i->op, i->new_arg, i->new_width);
		if (code->count != i->new_end * 2) {
			e->reason = code->failed ? HRT_NO_MEMORY : "the layout does not hold";
			return -1;
		}
		put_place(places, &i->place, i->new_end - i->new_at, &line);
	}
	for (int k = 0; k < e->range_count; k++) {
		const struct range *range = &e->ranges[k];
		const struct instruction *handler = &e->instructions[range->handler];
		bool quiet = false, decided = false;
		uint32_t start = e->instructions[range->start].new_at;
		for (int from = range->start; from < range->end; from++) {
			const struct instruction *i = &e->instructions[from];
			if (i->raises && handler->probe >= 0 && decided && quiet != i->raises_quiet) {
				/* One unit before it is its own, or of an instruction that never comes here. */
				bool alone = i->new_body != i->new_at || i[-1].raises;
				uint32_t end = alone ? i->new_at : i[-1].new_at;
				put_range(table, start, end, quiet ? handler->new_body : handler->new_probe,
				          range->depth_lasti);
				start = end;
			}
			if (i->raises) {
				quiet = i->raises_quiet;
				decided = true;
			}
		}
		put_range(table, start,
		          range->end < e->count ? e->instructions[range->end].new_at
		                                : e->instructions[e->count - 1].new_end,
		          quiet ? handler->new_body : handler->new_probe, range->depth_lasti);
	}
	if (code->failed || places->failed || table->failed) {
		e->reason = HRT_NO_MEMORY;
		return -1;
	}
	return 0;
}

/* The original's constants and the probes. */
static PyObject *all_constants(struct hrt_editor *e)
{
	Py_ssize_t before = PyTuple_GET_SIZE(e->py_code->co_consts), added = PyList_GET_SIZE(e->py_probes);
	PyObject *py_all = PyTuple_New(before + added);

	for (Py_ssize_t i = 0; py_all && i < before; i++)
		PyTuple_SET_ITEM(py_all, i, Py_NewRef(PyTuple_GET_ITEM(e->py_code->co_consts, i)));
	for (Py_ssize_t i = 0; py_all && i < added; i++)
		PyTuple_SET_ITEM(py_all, before + i, Py_NewRef(PyList_GET_ITEM(e->py_probes, i)));
	return py_all;
}

/* Gives the twin the original's kinds of variables. The constructor takes the same names and arranges them in the same
 * way, but knows neither which are arguments (3.14) nor which a class body hides (inlined comprehensions). */
static bool adopt_kinds(PyCodeObject *py_twin, PyCodeObject *was)
{
	const char *kinds = PyBytes_AS_STRING(py_twin->co_localspluskinds);
	const char *wanted = PyBytes_AS_STRING(was->co_localspluskinds);

	if (py_twin->co_nlocalsplus != was->co_nlocalsplus || py_twin->co_nlocals != was->co_nlocals ||
	    py_twin->co_ncellvars != was->co_ncellvars || py_twin->co_nfreevars != was->co_nfreevars ||
	    PyObject_RichCompareBool(py_twin->co_localsplusnames, was->co_localsplusnames, Py_EQ) != 1)
		return false;
	for (int i = 0; i < was->co_nlocalsplus; i++)
		if ((kinds[i] ^ wanted[i]) & (HRT_KIND_LOCAL | HRT_KIND_CELL | HRT_KIND_FREE))
			return false;
	Py_SETREF(py_twin->co_localspluskinds, Py_NewRef(was->co_localspluskinds));
	Py_SETREF(py_twin->co_localsplusnames, Py_NewRef(was->co_localsplusnames)); /* equal, and in memory once */
	return true;
}

/* The names of variables of a kind. PyCode_GetVarnames() and its like would have the code keep them. */
static PyObject *names_of(PyCodeObject *py_code, int kind, int count)
{
	const char *kinds = PyBytes_AS_STRING(py_code->co_localspluskinds);
	PyObject *py_names = PyTuple_New(count);

	for (int i = 0, at = 0; py_names && at < count && i < py_code->co_nlocalsplus; i++)
		if (kinds[i] & kind)
			PyTuple_SET_ITEM(py_names, at++, Py_NewRef(PyTuple_GET_ITEM(py_code->co_localsplusnames, i)));
	return py_names;
}

static PyCodeObject *make_code(struct hrt_editor *e, const struct bytes *code, const struct bytes *places,
                               const struct bytes *table)
{
	PyCodeObject *was = e->py_code, *py_twin = NULL;
	PyObject *py_consts = all_constants(e);
	PyObject *py_varnames = names_of(was, HRT_KIND_LOCAL, was->co_nlocals);
	PyObject *py_cellvars = names_of(was, HRT_KIND_CELL, was->co_ncellvars);
	PyObject *py_freevars = names_of(was, HRT_KIND_FREE, was->co_nfreevars);
	PyObject *py_bytecode = PyBytes_FromStringAndSize((const char *)code->at, (Py_ssize_t)code->count);
	PyObject *py_places = PyBytes_FromStringAndSize((const char *)places->at, (Py_ssize_t)places->count);
	PyObject *py_table = PyBytes_FromStringAndSize((const char *)table->at, (Py_ssize_t)table->count);

	if (py_consts && py_varnames && py_cellvars && py_freevars && py_bytecode && py_places && py_table)
		py_twin = hrt_py_new_code(was->co_argcount, was->co_posonlyargcount, was->co_kwonlyargcount,
		                          was->co_nlocals, e->stack_size, was->co_flags, py_bytecode, py_consts,
		                          was->co_names, py_varnames, py_freevars, py_cellvars, was->co_filename,
		                          was->co_name, was->co_qualname, was->co_firstlineno, py_places, py_table);
	if (!py_twin) {
		e->reason = HRT_NO_MEMORY;
		PyErr_Clear();
	} else if (!adopt_kinds(py_twin, was) || py_twin->_co_firsttraceable != was->_co_firsttraceable) {
		e->reason = "its variables cannot be arranged as they are";
		Py_CLEAR(py_twin);
	} else {
		/* gc.get_objects() is not to show them: there is nothing to collect in them. */
		PyObject_GC_UnTrack(py_twin->co_consts);
	}
	Py_XDECREF(py_consts);
	Py_XDECREF(py_varnames);
	Py_XDECREF(py_cellvars);
	Py_XDECREF(py_freevars);
	Py_XDECREF(py_bytecode);
	Py_XDECREF(py_places);
	Py_XDECREF(py_table);
	return py_twin;
}

PyCodeObject *hrt_twin_write(struct hrt_editor *e)
{
	struct bytes code = {0}, places = {0}, table = {0};
	PyCodeObject *py_twin = NULL;

	lay_out(e);
	if (write_code(e, &code, &places, &table) == 0)
		py_twin = make_code(e, &code, &places, &table);
	free(code.at);
	free(places.at);
	free(table.at);
	return py_twin;
}

#endif
