/* subscripts.c — see subscripts.h. */
#include "subscripts.h"

#if HRT_SUBSCRIPTS_MAY_GO_PAST
#include "codemap.h"
#include "pyinternal.h"

#include <opcode.h>
#include <string.h>

/* How often an instruction runs before it is specialised: as often as the interpreter lets a function run before
 * (pycore_code.h: QUICKENING_WARMUP_DELAY), for there are differences, such as exec()'s share of the recursion limit.
 * In the cache's counter, above ADAPTIVE_BACKOFF_BITS. */
static const uint16_t warm_up = 8 << 4;

/* One code unit. */
struct unit {
	uint8_t op, arg;
};

/* As the interpreter would go over to specialisation by itself (3.11: _PyCode_Quicken() in Python/specialize.c): to
 * opcodes that watch their operands, and to pairs that are one. */
static uint8_t adaptive(uint8_t op)
{
	switch (op) {
	case LOAD_ATTR:
		return LOAD_ATTR_ADAPTIVE;
	case LOAD_GLOBAL:
		return LOAD_GLOBAL_ADAPTIVE;
	case LOAD_METHOD:
		return LOAD_METHOD_ADAPTIVE;
	case STORE_SUBSCR:
		return STORE_SUBSCR_ADAPTIVE;
	case CALL:
		return CALL_ADAPTIVE;
	case PRECALL:
		return PRECALL_ADAPTIVE;
	case STORE_ATTR:
		return STORE_ATTR_ADAPTIVE;
	case BINARY_OP:
		return BINARY_OP_ADAPTIVE;
	case COMPARE_OP:
		return COMPARE_OP_ADAPTIVE;
	case UNPACK_SEQUENCE:
		return UNPACK_SEQUENCE_ADAPTIVE;
	case EXTENDED_ARG:
		return EXTENDED_ARG_QUICK;
	case JUMP_BACKWARD:
		return JUMP_BACKWARD_QUICK;
	case RESUME:
		return RESUME_QUICK;
	default:
		return op;
	}
}

/* The first of a pair. */
static uint8_t paired(uint8_t op, uint8_t next)
{
	if (op == LOAD_FAST && next == LOAD_FAST)
		return LOAD_FAST__LOAD_FAST;
	if (op == LOAD_FAST && next == LOAD_CONST)
		return LOAD_FAST__LOAD_CONST;
	if (op == LOAD_CONST && next == LOAD_FAST)
		return LOAD_CONST__LOAD_FAST;
	if (op == STORE_FAST && next == LOAD_FAST)
		return STORE_FAST__LOAD_FAST;
	if (op == STORE_FAST && next == STORE_FAST)
		return STORE_FAST__STORE_FAST;
	return op;
}

static struct unit *units_of(PyCodeObject *py_code)
{
	return (struct unit *)py_code->co_code_adaptive;
}

static void keep_plain(PyCodeObject *py_code)
{
	struct unit *units = units_of(py_code);
	bool specialised = py_code->co_warmup == 0;
	Py_ssize_t count = Py_SIZE(py_code);

	for (Py_ssize_t i = 0; i < count; i++) {
		uint8_t op = hrt_py_plain_opcode(units[i].op);
		if (op == BINARY_SUBSCR)
			units[i].op = BINARY_SUBSCR;
		else if (!specialised)
			units[i].op = adaptive(i + 1 < count ? paired(op, units[i + 1].op) : op);
		if (!specialised && hrt_py_cache_units(op) > 0)
			memcpy(&units[i + 1], &warm_up, sizeof units[i + 1]);
		i += hrt_py_cache_units(op);
	}
	py_code->co_warmup = 0; /* the interpreter has nothing to do any more */
}

void hrt_subscripts_keep_plain(PyCodeObject *py_code)
{
	if (hrt_py_subscripts_go_past())
		keep_plain(py_code);
}

static void let_go(struct hrt_code *code)
{
	struct unit *units = units_of(code->py_code);

	if (code->py_code->co_warmup != 0)
		return;
	for (Py_ssize_t i = 0; i < Py_SIZE(code->py_code); i++) {
		if (units[i].op == BINARY_SUBSCR)
			units[i].op = BINARY_SUBSCR_ADAPTIVE;
		i += hrt_py_cache_units(hrt_py_plain_opcode(units[i].op));
	}
}

void hrt_subscripts_let_go(void)
{
	if (hrt_py_subscripts_go_past())
		hrt_codemap_each(let_go);
}
#endif
