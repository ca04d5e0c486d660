/* twin_map.c — which place of a twin is which place of the original, and how much stack a twin needs. */
#include "twin_parts.h"

#if HRT_HAVE_TWINS

#include <stdlib.h>

/* ---- offsets ---- */

struct walk {
	const unsigned char *code;
	int unit_count;
	int at, op, end; /* code units of the current instruction: its first, that of its opcode, behind its cache */
};

static bool step(struct walk *walk, int skip)
{
	walk->at = walk->op = walk->end + skip;
	while (walk->op < walk->unit_count && walk->code[walk->op * 2] == EXTENDED_ARG)
		walk->op++;
	if (walk->op >= walk->unit_count)
		return false;
	walk->end = walk->op + 1 + hrt_py_cache_units(walk->code[walk->op * 2]);
	return true;
}

static bool begin(struct walk *walk, PyObject *py_bytecode)
{
	if (!py_bytecode)
		return false;
	walk->code = (const unsigned char *)PyBytes_AS_STRING(py_bytecode);
	walk->unit_count = (int)(PyBytes_GET_SIZE(py_bytecode) / 2);
	return true;
}

/* Of a traceback made by hand, an offset may be behind the end. */
static int behind(int unit, int grown)
{
	return unit + grown < 0 ? -1 : unit + grown;
}

/* Events and sys.settrace ask again and again. */
static void find_original_units(struct hrt_twin_pair *pair)
{
	PyObject *py_was = PyCode_GetCode(pair->py_original), *py_is = PyCode_GetCode(pair->py_twin);
	struct walk was = {0}, is = {0};

	if (begin(&was, py_was) && begin(&is, py_is))
		pair->original_units = malloc((size_t)is.unit_count * sizeof *pair->original_units);
	if (pair->original_units) {
		int unit = 0;
		pair->unit_count = is.unit_count;
		for (int k = 0; step(&was, 0) && step(&is, pair->probe_units[k]); k++)
			for (; unit < is.end; unit++) /* from its probe, or from itself */
				pair->original_units[unit] = unit <= is.op ? was.op : was.op + (unit - is.op);
		for (; unit < is.unit_count; unit++)
			pair->original_units[unit] = -1;
		pair->grown = is.unit_count - was.unit_count;
	}
	PyErr_Clear();
	Py_XDECREF(py_was);
	Py_XDECREF(py_is);
}

int hrt_twin_original_offset(struct hrt_twin_pair *pair, int twin_offset)
{
	int unit = twin_offset / 2, found = -1;

	if (twin_offset >= 0 && !pair->original_units)
		find_original_units(pair);
	if (twin_offset >= 0 && pair->original_units)
		found = unit < pair->unit_count ? pair->original_units[unit] : behind(unit, -pair->grown);
	return found < 0 ? -1 : found * 2 + (twin_offset & 1);
}

int hrt_twin_offset(const struct hrt_twin_pair *pair, int original_offset)
{
	PyObject *py_was = PyCode_GetCode(pair->py_original), *py_is = PyCode_GetCode(pair->py_twin);
	struct walk was = {0}, is = {0};
	int unit = original_offset / 2, found = -1;

	if (original_offset >= 0 && begin(&was, py_was) && begin(&is, py_is)) {
		for (int k = 0; found < 0 && step(&was, 0) && step(&is, pair->probe_units[k]); k++)
			if (unit < was.end) /* to its first EXTENDED_ARG, or into its cache */
				found = unit <= was.op ? is.at : is.op + (unit - was.op);
		if (found < 0 && unit >= was.unit_count)
			found = behind(unit, is.unit_count - was.unit_count);
	}
	PyErr_Clear();
	Py_XDECREF(py_was);
	Py_XDECREF(py_is);
	return found < 0 ? -1 : found * 2 + (original_offset & 1);
}

bool hrt_twin_loops(PyCodeObject *py_code)
{
	PyObject *py_bytecode = hrt_py_bytecode(py_code);
	struct walk walk = {0};
	bool loops = false;

	for (bool goes_on = begin(&walk, py_bytecode) && step(&walk, 0); goes_on && !loops; goes_on = step(&walk, 0)) {
		int op = walk.code[walk.op * 2];
		loops = hrt_op_direction(op) < 0 && op != JUMP_BACKWARD_NO_INTERRUPT && op != END_ASYNC_FOR;
	}
	if (!py_bytecode)
		PyErr_Clear();
	Py_XDECREF(py_bytecode);
	return loops;
}

/* ---- stack ---- */

struct depths {
	int *before; /* each instruction, -1 not reached yet */
	int *todo, todo_count;
	int highest;
	bool failed;
};

static void reach(struct depths *d, int count, int at, int depth)
{
	if (at >= count || depth < 0) {
		d->failed = true;
		return;
	}
	if (depth > d->highest)
		d->highest = depth;
	if (depth <= d->before[at])
		return;
	if (d->before[at] < 0)
		d->todo[d->todo_count++] = at;
	else if (depth > d->before[at])
		d->failed = true; /* compilers make code that has one depth at each place */
	d->before[at] = depth;
}

static void follow(struct depths *d, const struct hrt_editor *e, int at)
{
	const struct instruction *i = &e->instructions[at];
	int goes_on = PyCompile_OpcodeStackEffectWithJump(i->op, (int)i->arg, 0);
	int jumps = PyCompile_OpcodeStackEffectWithJump(i->op, (int)i->arg, 1);

	if (goes_on == PY_INVALID_STACK_EFFECT || jumps == PY_INVALID_STACK_EFFECT) {
		d->failed = true;
		return;
	}
	if (hrt_op_falls_through(i->op))
		reach(d, e->count, at + 1, d->before[at] + goes_on);
	if (i->target >= 0 && i->op != END_ASYNC_FOR)
		reach(d, e->count, i->target, d->before[at] + jumps);
}

int hrt_twin_stack_size(const struct hrt_editor *e)
{
	struct depths d = {.before = malloc((size_t)e->count * sizeof *d.before),
	                   .todo = malloc((size_t)e->count * sizeof *d.todo)};
	int original = e->py_code->co_stacksize, with_probes = 0;
	bool generator = e->py_code->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR);

	if (!d.before || !d.todo)
		d.failed = true;
	for (int k = 0; !d.failed && k < e->count; k++)
		d.before[k] = -1;
	if (!d.failed)
		reach(&d, e->count, 0, generator && HRT_GENERATORS_BEGIN_WITH_ONE);
	for (int k = 0; !d.failed && k < e->range_count; k++) {
		unsigned depth_lasti = e->ranges[k].depth_lasti;
		reach(&d, e->count, e->ranges[k].handler, (int)(depth_lasti >> 1) + (int)(depth_lasti & 1) + 1);
	}
	while (!d.failed && d.todo_count > 0)
		follow(&d, e, d.todo[--d.todo_count]);
	/* What the compiler found (never none from 3.13 on) must come out, or the effects above are not this
	 * interpreter's. */
	if (d.failed || (d.highest != original && !(d.highest == 0 && original == 1))) {
		with_probes = original + 1;
	} else {
		for (int k = 0; k < e->count; k++)
			if (e->instructions[k].probe >= 0 && !hrt_probe_stands_in(&e->instructions[k]) &&
			    d.before[k] + 1 > with_probes)
				with_probes = d.before[k] + 1;
	}
	free(d.before);
	free(d.todo);
	return with_probes > original ? with_probes : original;
}

#endif
