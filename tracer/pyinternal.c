/* pyinternal.c — see pyinternal.h. */
#define Py_BUILD_CORE_MODULE 1 /* before Python.h, for the internal headers */
#include "pyinternal.h"

#if HRT_HAVE_TWINS
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

bool hrt_py_watched_by_others(PyCodeObject *py_code, int tool_id)
{
	const _PyCoMonitoringData *data = py_code->_co_monitoring;
	unsigned others = 0;

	if (!data)
		return false;
	for (size_t i = 0; i < sizeof data->local_monitors.tools / sizeof *data->local_monitors.tools; i++)
		others |= data->local_monitors.tools[i];
	return (others & ~(1u << tool_id)) != 0;
}

bool hrt_py_is_audited(void)
{
	return PyInterpreterState_Get()->audit_hooks != NULL;
}
#endif
