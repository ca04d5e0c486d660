/* twin.c — see twin.h.
 *
 * How it works. A line event happens at an instruction that the interpreter has marked (INSTRUMENTED_LINE), when the
 * instruction that ran before it is of another line, or a RESUME; and sys.settrace has one more at each jump back
 * within a line. So whether the line is hit is a property of the edge by which control enters the instruction. The
 * probe stands before the instruction; edges that hit lead to the probe, edges that do not lead behind it:
 *
 *          GET_ITER                    GET_ITER
 *                                      JUMP_FORWARD  a        falls in from the same line: no hit
 *                                   p: LOAD_CONST    probe
 *                                      UNARY_NEGATIVE
 *                                      POP_TOP
 *       a: FOR_ITER      b          a: FOR_ITER      b
 *          STORE_FAST    x             STORE_FAST    x        (a probe before it, if it is of another line)
 *          ...                         ...
 *          JUMP_BACKWARD a             JUMP_BACKWARD p        from another line: a hit
 *       b: END_FOR                  b: END_FOR
 *
 * The exception table is split so that each instruction that may raise leads before or behind the probe of its handler.
 * All else keeps its order, so that no jump changes its direction. What cannot be decided like that is refused. */
#include "twin_parts.h"

#if HRT_HAVE_TWINS

#include <stdlib.h>
#include <string.h>

/* Instructions that nothing may stand before: the interpreter relies on their neighbours. */
static bool sticks(const struct instruction *i, const struct instruction *first)
{
	switch (i->op) {
#if HRT_ENDS_ARE_MARKED
	case END_SEND:
		return i->fall_hits; /* a jump to it, after throw(), may come from a probe of its own: SEND never falls
		                        in */
	case END_FOR:
#else
	case CALL: /* PRECALL */
		return true;
	case YIELD_VALUE:
		return i > first && i[-1].op == SEND;
#endif
	case RESUME:
#ifdef POP_ITER
	case POP_ITER:
#endif
#ifdef NOT_TAKEN
	case NOT_TAKEN:
#endif
		return true;
	default:
#if HRT_LOOP_EXIT_POPS
		return i > first && i[-1].op == END_FOR;
#else
		(void)first;
		return false;
#endif
	}
}

#if HRT_EVENTS_ARE_MARKED
/* Instructions with a cache that may call a Python function without leaving the evaluation loop. */
static bool may_run_a_function(int op)
{
	switch (op) {
	case CALL:
	case LOAD_ATTR:
	case FOR_ITER:
	case SEND:
#ifdef BINARY_SUBSCR
	case BINARY_SUBSCR:
#endif
		return true;
	default:
		return false;
	}
}
#endif

/* ---- which edges hit a line ---- */

enum {
	HITS = 1,
	QUIET = 2,
};

/* From `from` to `to`, which come one after the other when the program runs. */
static int edge(const struct hrt_editor *e, const struct instruction *from, const struct instruction *to)
{
	if (!to->marked)
		return QUIET;
	if (from->place.line != to->place.line)
		return HITS;
#if HRT_EVENTS_ARE_MARKED
	(void)e;
	if (from->op == RESUME)
		return HITS;
	return HRT_CALLS_RETURN_INTO_CACHES && may_run_a_function(from->op) ? HITS | QUIET : QUIET;
#else
	/* maybe_call_line_trace() in Python/ceval.c. */
	bool begins = from->op_at <= (uint32_t)e->py_code->_co_firsttraceable;
	bool leads_back = to->at < from->op_at && to->op != SEND;
	return begins || leads_back ? HITS : QUIET;
#endif
}

/* Whether the handler's code leads to the RERAISE at `to`, before it is left. */
static bool handler_leads_to(struct hrt_editor *e, int handler, int to)
{
	int todo_count = 0;

	e->search++;
	e->todo[todo_count++] = handler;
	while (todo_count > 0) {
		int at = e->todo[--todo_count];
		while (at < e->count && e->seen[at] != e->search) {
			const struct instruction *i = &e->instructions[at];
			e->seen[at] = e->search;
			e->budget--;
			if (at == to)
				return true;
			if (i->op == POP_EXCEPT && (at + 1 == e->count || i[1].op != RERAISE))
				break;
			if (i->target >= 0 && (hrt_op_direction(i->op) > 0 || !hrt_op_falls_through(i->op)))
				e->todo[todo_count++] = i->target;
			if (!hrt_op_falls_through(i->op))
				break;
			at++;
		}
	}
	return false;
}

static int exception_edge(struct hrt_editor *e, int from, int to, int depth);

/* A RERAISE that has an offset to put back: the exception comes from where the one that it handles came from. */
static int reraise_edge(struct hrt_editor *e, int from, int to, int depth)
{
	int result = 0;

	if (depth > 8 || e->budget < 0)
		return HITS | QUIET;
	for (int k = 0; k < e->range_count && e->budget >= 0; k++) {
		const struct range *range = &e->ranges[k];
		if (!(range->depth_lasti & 1) || !handler_leads_to(e, range->handler, from))
			continue;
		for (int i = range->start; i < range->end; i++) {
			e->budget--;
			if (e->instructions[i].raises && i != from)
				result |= exception_edge(e, i, to, depth + 1);
		}
	}
	return result && e->budget >= 0 ? result : HITS | QUIET;
}

static int exception_edge(struct hrt_editor *e, int from, int to, int depth)
{
	const struct instruction *source = &e->instructions[from], *handler = &e->instructions[to];

	if (!handler->marked)
		return QUIET;
	if (hrt_op_raises_as_resume(source->op))
		return HITS;
	if (source->op == RERAISE && source->arg > 0)
		return reraise_edge(e, from, to, depth);
	return edge(e, source, handler);
}

static void fall_in(struct instruction *to, int how)
{
	to->fall_hits |= (how & HITS) != 0;
	to->fall_quiet |= (how & QUIET) != 0;
}

#if HRT_ENDS_ARE_MARKED
/* A loop ends behind END_FOR (and what pops the iterator), where a generator's end falls in. */
static bool loop_ends(struct hrt_editor *e, int at)
{
	const struct instruction *i = &e->instructions[at];
	int after = i->target + 1 + HRT_LOOP_EXIT_SKIPS;

	if (e->instructions[i->target].op != END_FOR || after >= e->count)
		return false;
	/* Only its other way runs a function. */
	fall_in(&e->instructions[after], edge(e, i, &e->instructions[after]) == HITS ? HITS : QUIET);
	return true;
}

static bool delegation_ends(struct hrt_editor *e, int at)
{
	struct instruction *i = &e->instructions[at];
	const struct instruction *end = &e->instructions[i->target];

	i->quiet = true;
	if (HRT_CALLS_RETURN_INTO_CACHES && edge(e, end - 1, end) == HITS)
		return false; /* generators that end come from there */
	return end->op == END_SEND && edge(e, i, end) != HITS;
}
#else
/* throw() ends a delegation one code unit before the end of SEND's jump, as if that were run then. So SEND falls in
 * there, where nothing else does. */
static bool delegation_ends(struct hrt_editor *e, int at)
{
	const struct instruction *i = &e->instructions[at];
	int after = at + 4;

	if (after >= e->count || i->target != after || i->arg > 0xff || i[1].op != YIELD_VALUE || i[2].op != RESUME ||
	    i[3].op != JUMP_BACKWARD_NO_INTERRUPT || i[3].target != at || i[3].place.line != i->place.line)
		return false;
	fall_in(&e->instructions[after], edge(e, i, &e->instructions[after]));
	return true;
}
#endif

static int find_edges(struct hrt_editor *e)
{
	for (int k = 0; k < e->count; k++) {
		struct instruction *i = &e->instructions[k];
		if (hrt_op_falls_through(i->op) && k + 1 < e->count)
			fall_in(i + 1, edge(e, i, i + 1));
#if HRT_ENDS_ARE_MARKED
		if (i->op == FOR_ITER) {
			if (!loop_ends(e, k)) {
				e->reason = "a loop ends in an unusual way";
				return -1;
			}
			continue;
		}
#endif
		if (i->op == SEND) {
			if (!delegation_ends(e, k)) {
				e->reason = "a delegation ends in an unusual way";
				return -1;
			}
			continue;
		}
		if (i->target >= 0 && i->op != END_ASYNC_FOR) {
			struct instruction *target = &e->instructions[i->target];
			int how = edge(e, i, target);
			if (HRT_EVENTS_ARE_MARKED && i->op == JUMP_BACKWARD && i->place.line > 0 &&
			    i->place.line == target->place.line)
				how = HITS; /* sys.settrace's own */
			i->quiet = how == QUIET;
			target->jump_hits |= how == HITS;
		}
	}
	for (int k = 0; k < e->range_count; k++) {
		const struct range *range = &e->ranges[k];
		struct instruction *handler = &e->instructions[range->handler];
		for (int from = range->start; handler->marked && from < range->end; from++) {
			struct instruction *source = &e->instructions[from];
			if (!source->raises)
				continue;
			int how = exception_edge(e, from, range->handler, 0);
			if (how == (HITS | QUIET)) {
				e->reason = "an exception is raised again from lines of which not all hit";
				return -1;
			}
			source->raises_quiet = how == QUIET;
			handler->jump_hits |= how == HITS;
		}
	}
	return 0;
}

/* Gives each line that is hit a probe among the constants. */
static int place_probes(struct hrt_editor *e, hrt_probe_maker *make_probe, void *context)
{
	Py_ssize_t const_count = PyTuple_GET_SIZE(e->py_code->co_consts);
	struct known {
		int line, probe;
	} known[64]; /* a line's probe is asked again when another has taken its place: rare, and harmless */

	memset(known, 0xff, sizeof known);
	e->py_probes = PyList_New(0);
	if (!e->py_probes) {
		e->reason = HRT_NO_MEMORY;
		return -1;
	}
	for (int k = 0; k < e->count; k++) {
		struct instruction *i = &e->instructions[k];
		if (!i->fall_hits && !i->jump_hits)
			continue;
		if (i->fall_hits && i->fall_quiet) {
			e->reason = "control goes on from one instruction to the next in two ways, of which one hits";
			return -1;
		}
		if (sticks(i, e->instructions)) {
			e->reason = "a line begins where nothing can be put in";
			return -1;
		}
		struct known *slot = &known[(unsigned)i->place.line % 64];
		if (slot->line != i->place.line) {
			PyObject *py_probe = make_probe(context, i->place.line);
			int err = py_probe ? PyList_Append(e->py_probes, py_probe) : -1;
			Py_XDECREF(py_probe);
			if (err != 0) {
				e->reason = HRT_NO_MEMORY;
				return -1;
			}
			*slot = (struct known){i->place.line, (int)(const_count + PyList_GET_SIZE(e->py_probes) - 1)};
		}
		i->probe = slot->probe;
		i->hop = i->fall_quiet;
	}
	return 0;
}

/* Where an instruction leads its exceptions elsewhere than the one before it does, there must be something between. */
static void keep_ways_apart(struct hrt_editor *e)
{
	for (int k = 0; HRT_CALLS_RAISE_ONE_BEFORE && k < e->range_count; k++) {
		const struct range *range = &e->ranges[k];
		for (int at = range->start + 1; e->instructions[range->handler].probe >= 0 && at < range->end; at++) {
			struct instruction *i = &e->instructions[at];
			if (i->raises && i[-1].raises && i->raises_quiet != i[-1].raises_quiet && i->probe < 0)
				i->hop = true; /* over nothing */
		}
	}
}

/* What the pair keeps of the layout. */
static int keep_layout(struct hrt_editor *e, struct hrt_twin_pair *pair)
{
	pair->probe_units = malloc((size_t)e->count);
	if (!pair->probe_units) {
		e->reason = HRT_NO_MEMORY;
		return -1;
	}
	for (int k = 0; k < e->count; k++) {
		const struct instruction *i = &e->instructions[k];
		pair->probe_units[k] = (uint8_t)(i->new_body - i->new_at);
	}
	pair->py_original = (PyCodeObject *)Py_NewRef(e->py_code);
	return 0;
}

int hrt_twin_make(PyCodeObject *py_code, hrt_probe_maker *make_probe, void *context, struct hrt_twin_pair *out,
                  const char **reason)
{
	struct hrt_editor e = {.py_code = py_code, .budget = 200000};
	struct hrt_twin_pair pair = {0};
	PyObject *py_bytecode = hrt_py_bytecode(py_code);
	int err = -1;

	if (!py_bytecode) {
		PyErr_Clear();
		*reason = HRT_NO_MEMORY;
		return -1;
	}
	e.code = (const unsigned char *)PyBytes_AS_STRING(py_bytecode);
	e.unit_count = (uint32_t)(PyBytes_GET_SIZE(py_bytecode) / 2);
	if (hrt_twin_read(&e) == 0 && find_edges(&e) == 0 && place_probes(&e, make_probe, context) == 0) {
		keep_ways_apart(&e);
		e.stack_size = hrt_twin_stack_size(&e);
		pair.py_twin = hrt_twin_write(&e);
		if (pair.py_twin)
			err = keep_layout(&e, &pair);
	}
	if (err == 0)
		*out = pair;
	else
		Py_XDECREF(pair.py_twin);
	*reason = e.reason;
	Py_XDECREF(e.py_probes);
	Py_DECREF(py_bytecode);
	free(e.instructions);
	free(e.at_unit);
	free(e.seen);
	free(e.todo);
	free(e.ranges);
	return err;
}

void hrt_twin_free(struct hrt_twin_pair *pair)
{
	free(pair->probe_units);
	free(pair->original_units);
	Py_XDECREF(pair->py_twin);
	Py_XDECREF(pair->py_original);
}

#endif
