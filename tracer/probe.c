/* probe.c — see probe.h. */
#include "probe.h"

#if HRT_HAVE_TWINS

struct probe {
	PyObject_HEAD struct hr_slot *slot; /* always good to store to */
	int line;
};

static struct hr_slot nowhere;

static PyObject *negative(PyObject *self)
{
	hr_slot_hit(((struct probe *)self)->slot, hrt_tracer.tick);
	Py_RETURN_NONE;
}

static PyNumberMethods as_number = {.nb_negative = negative};

static PyTypeObject probe_type = {
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "heartrate_shm._tracer.Probe",
        .tp_basicsize = sizeof(struct probe),
        .tp_flags = Py_TPFLAGS_DEFAULT,
        .tp_as_number = &as_number,
        .tp_doc = "Counts a line when it is negated.",
};

int hrt_probe_init(void)
{
	return PyType_Ready(&probe_type);
}

PyObject *hrt_probe_new(int line)
{
	struct probe *probe = PyObject_New(struct probe, &probe_type);

	if (probe) {
		probe->slot = &nowhere;
		probe->line = line;
	}
	return (PyObject *)probe;
}

void hrt_probe_bind(PyObject *py_probe, const struct hrt_code *code)
{
	struct probe *probe = (struct probe *)py_probe;
	struct hr_slot *slot = hrt_code_slot(code, (uint32_t)probe->line);

	probe->slot = slot ? slot : &nowhere;
}

#endif
