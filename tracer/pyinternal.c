/* pyinternal.c — see pyinternal.h. */
#define Py_BUILD_CORE_MODULE 1 /* before Python.h, for the internal headers */
#include "pyinternal.h"

#if HRT_HAVE_TWINS
#include <string.h>

#include <internal/pycore_code.h>
#include <internal/pycore_interp.h>
#if HRT_FRAME_RECORDS_APART
#include <internal/pycore_instruments.h>
#endif
#if HRT_OPCODES_HAVE_METADATA
#define NEED_OPCODE_METADATA
#include <internal/pycore_opcode_metadata.h>
#else
#define NEED_OPCODE_TABLES
#include <internal/pycore_opcode.h>
#endif

int hrt_py_cache_units(int opcode)
{
	return _PyOpcode_Caches[opcode];
}
#endif

#if HRT_SUBSCRIPTS_MAY_GO_PAST
uint8_t hrt_py_plain_opcode(uint8_t opcode)
{
	return _PyOpcode_Deopt[opcode];
}
#endif

#if HRT_GO_OVER_AT_EVENTS
/* Of sets of tools, one a kind of event: eight at a time, for each call of a hot function comes here. */
static uint64_t all_of(const uint8_t *tools, size_t count)
{
	uint64_t all = 0, word = 0;

	for (; count >= sizeof word; tools += sizeof word, count -= sizeof word) {
		memcpy(&word, tools, sizeof word);
		all |= word;
	}
	word = 0;
	memcpy(&word, tools, count);
	return all | word;
}

static uint64_t own_bits(int tool_id)
{
	return UINT64_C(0x0101010101010101) << tool_id;
}

bool hrt_py_others_listen(PyCodeObject *py_code, int tool_id)
{
	static uint64_t
	        quiet_version; /* of all events, when nobody else had any on everywhere; code that runs has it */
	const _PyCoMonitoringData *data = py_code->_co_monitoring;
	uint64_t all = data ? all_of(data->local_monitors.tools, sizeof data->local_monitors.tools) : 0;

	if (py_code->_co_instrumentation_version != quiet_version) {
		if (hrt_py_others_listen_everywhere(tool_id))
			return true;
		quiet_version = py_code->_co_instrumentation_version;
	}
	return (all & ~own_bits(tool_id)) != 0;
}

bool hrt_py_others_listen_everywhere(int tool_id)
{
	const PyInterpreterState *interpreter = PyInterpreterState_Get();

	return (all_of(interpreter->monitors.tools, sizeof interpreter->monitors.tools) & ~own_bits(tool_id)) != 0;
}

void hrt_py_set_code(PyFunctionObject *function, PyCodeObject *py_code)
{
	PyCodeObject *py_before = (PyCodeObject *)function->func_code;
	PyObject *py_defaults = function->func_defaults;
	/* The program may have changed what else makes a version; then it has none that many share. */
	bool as_made = function->func_version == py_before->co_version;

	/* Ends the version: calls that were specialised for the code before are no longer. */
	PyFunction_SetDefaults((PyObject *)function, py_defaults ? py_defaults : Py_None);
	function->func_code = Py_NewRef(py_code);
	if (as_made)
		function->func_version = py_code->co_version;
	Py_DECREF(py_before);
}

_Static_assert(HRT_PY_START == PY_MONITORING_EVENT_PY_START, "events are numbered in another way");

PyObject **hrt_py_callback(int tool_id, int event)
{
	return event < _PY_MONITORING_EVENTS ? &PyInterpreterState_Get()->monitoring_callables[tool_id][event] : NULL;
}

int hrt_py_event_offsets(int event)
{
	switch (event) {
	case PY_MONITORING_EVENT_LINE:
		return 0;
	case PY_MONITORING_EVENT_JUMP:
	case PY_MONITORING_EVENT_BRANCH:
#ifdef PY_MONITORING_EVENT_BRANCH_LEFT
	case PY_MONITORING_EVENT_BRANCH_LEFT:
	case PY_MONITORING_EVENT_BRANCH_RIGHT:
#endif
		return 2;
	default:
		return 1;
	}
}

bool hrt_py_keeps_events_there(int tool_id, PyObject *py_line)
{
	const PyInterpreterState *interpreter = PyInterpreterState_Get();

	return interpreter->monitoring_callables[tool_id][PY_MONITORING_EVENT_LINE] == py_line &&
	       (interpreter->monitors.tools[PY_MONITORING_EVENT_PY_START] >> tool_id & 1);
}

bool hrt_py_same_events(PyCodeObject *py_code, PyCodeObject *py_other)
{
	return py_other->_co_instrumentation_version == 0 ||
	       py_other->_co_instrumentation_version == py_code->_co_instrumentation_version;
}
#endif

#if HRT_TRACED_THREADS_IN_RUNTIME
#include <internal/pycore_pystate.h>

int *hrt_py_traced_threads(void)
{
	return &_PyRuntime.ceval.tracing_possible;
}

_PyFrameEvalFunction hrt_py_eval_function(void)
{
	return PyThreadState_Get()->interp->eval_frame;
}

void hrt_py_set_eval_function(_PyFrameEvalFunction function)
{
	PyThreadState_Get()->interp->eval_frame = function;
}
#elif HRT_TRACED_THREADS_COUNTED
#include <internal/pycore_interp.h>

int *hrt_py_traced_threads(void)
{
	return &PyInterpreterState_Get()->ceval.tracing_possible;
}
#endif

#if HRT_FORK_LOCKS_THREADS
#include <internal/pycore_runtime.h>

bool hrt_py_threads_are_locked(void)
{
	return _Py_atomic_load_uint8(&_PyRuntime.interpreters.mutex._bits) & _Py_LOCKED;
}
#endif
