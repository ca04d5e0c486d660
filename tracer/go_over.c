/* go_over.c — see go_over.h.
 *
 * A frame is moved while it is at an event of ours: the interpreter looks afterwards where the frame wants to go on,
 * because debuggers may set its line there. We set its code object as well. What it has on its stack is the same in
 * both, and so are the places of its variables. It returns, yields and raises as ever, and moves back only
 * at the start of a call (hrt_go_over_begin_anew).
 *
 * A function of hot code that is called again and again has the twin as its code (functions.c), so that its calls have
 * no event at all. The program does not meet the twin: where Python code asks a function or a frame for its code,
 * guise.c answers; other tools' events come through relay.c, and while there are any no function has one. */
#include "go_over.h"

#if HRT_GO_OVER_AT_EVENTS

#include "functions.h"
#include "pyinternal.h"
#include "relay.h"
#include "tiers.h"

static int own_tool_id = -1;

void hrt_go_over_start(int tool_id)
{
	own_tool_id = tool_id;
	hrt_tiers_start();
}

void hrt_go_over_check(PyObject *py_line)
{
	if (!hrt_py_keeps_events_there(own_tool_id, py_line))
		hrt_tiers_switch_off();
}

void hrt_go_over_stop(void)
{
	hrt_functions_take_back();
	hrt_functions_end();
	hrt_tiers_stop();
}

/* Whether there is what is to meet functions' own code: another tool's events or evaluation of frames (PEP 523), or
 * other interpreters, to which functions are given by their code (3.14); from the first such one on. */
static bool functions_are_looked_at(void)
{
	static bool are_given;

	are_given = are_given || PyInterpreterState_Head() != hrt_py_interpreter();
	return are_given || hrt_py_others_listen_everywhere(own_tool_id) ||
	       _PyInterpreterState_GetEvalFrameFunc(hrt_py_interpreter()) != _PyEval_EvalFrameDefault;
}

/* To a function of which a call begins. */
static void give_twin(PyObject *py_function, struct hrt_code *code, const struct hrt_twin_pair *twin)
{
	if (hrt_tiers_chance(false))
		hrt_functions_take_back();
	if (hrt_functions_seen(code, py_function) && !functions_are_looked_at())
		hrt_functions_give(py_function, twin->py_twin);
}

bool hrt_go_over_begin_anew(struct hrt_twin_pair *pair)
{
	const struct hrt_pyframe *frame = hrt_pyframe_top(PyThreadState_Get());
	PyCodeObject *py_code = frame ? hrt_pyframe_code(frame) : NULL;

	hrt_functions_take_back();
	if (py_code == pair->py_twin)
		hrt_pyframe_move(frame, pair->py_original, pair->py_original->_co_firsttraceable);
	else if (py_code != pair->py_original) /* several tools have the event: the first has moved it */
		return false;
	return true;
}

void hrt_go_over_tend(void)
{
	hrt_relay_tend();
	if (hrt_functions_any() && functions_are_looked_at())
		hrt_functions_take_back();
}

void hrt_go_over(struct hrt_code *code, int offset)
{
	PyThreadState *thread = PyThreadState_Get();
	const struct hrt_pyframe *frame = hrt_pyframe_top(thread);
	int resume = code->py_code->_co_firsttraceable * 2; /* bytes a code unit */

	if (!frame || hrt_pyframe_code(frame) != code->py_code || !hrt_tiers_chance(true) ||
	    hrt_py_others_listen(code->py_code, own_tool_id))
		return;
	const struct hrt_twin_pair *twin = hrt_tiers_twin(code);
	if (twin && offset == resume)
		give_twin(hrt_pyframe_function(frame), code, twin);
	if (!twin || !hrt_tiers_has_room(thread, frame, twin))
		return;
	if (offset != resume) {
		/* Tracebacks keep offsets in the code that their frame had. And only at RESUME the interpreter brings a
		 * twin's own events up to date, which others may have had on. */
		if (hrt_pyframe_is_held(frame) || !hrt_py_same_events(code->py_code, twin->py_twin))
			return;
		offset = hrt_twin_offset(twin, offset < 0 ? hrt_pyframe_offset(frame) : offset);
	}
	if (offset >= 0)
		hrt_pyframe_move(frame, twin->py_twin, offset / 2);
}

PyCodeObject *hrt_go_over_others_twin(PyCodeObject *py_code, PyObject *py_tool)
{
	PyCodeObject *py_twin = hrt_go_over_is_own_tool(py_tool) ? NULL : hrt_tiers_twin_of(py_code);

	if (py_twin)
		hrt_functions_take_back();
	return py_twin;
}

bool hrt_go_over_is_own(int tool_id)
{
	return tool_id == own_tool_id;
}

bool hrt_go_over_is_own_tool(PyObject *py_tool)
{
	return PyLong_CheckExact(py_tool) && PyLong_AsLong(py_tool) == own_tool_id;
}

#endif
