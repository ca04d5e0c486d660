"""The verifier of twins (tracer/twin.h): a twin is taken apart, and must be the original with probes.

assert_same_but_probes() compares every instruction with its place, every jump, every exception handler and all that a
program can ask a code object for, and goes through the twin on all paths to see how deep its stack gets. codes_of() gives
the code of files; `./dev fuzz twins` verifies all that a Python has installed (tests/fuzz/twins.py).
"""
import dis
import opcode
import sys
import types

MARKED = sys.version_info >= (3, 12)  # the interpreter marks where line events are, and the editor looks for that
TOOL = 3
SAME = ("co_name co_qualname co_filename co_firstlineno co_flags co_varnames co_cellvars co_freevars co_names co_nlocals "
        "co_argcount co_posonlyargcount co_kwonlyargcount").split()
NAME = dis.opname
HAS_JUMP = frozenset(dis.hasjrel)
BACKWARD = {op for op in HAS_JUMP if "BACKWARD" in NAME[op] or NAME[op] == "END_ASYNC_FOR"}
ENDS = {opcode.opmap[name] for name in ("JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT RETURN_VALUE RETURN_CONST "
                                        "RAISE_VARARGS RERAISE").split() if name in opcode.opmap}
CACHE, JUMP_FORWARD, END_ASYNC_FOR = (opcode.opmap.get(name) for name in ("CACHE", "JUMP_FORWARD", "END_ASYNC_FOR"))
PROBE = "LOAD_CONST UNARY_NEGATIVE POP_TOP".split()
STANDING_IN = "SWAP POP_TOP LOAD_CONST UNARY_NEGATIVE SWAP CLEANUP_THROW".split()


def caches_of(op):
    caches = getattr(opcode, "_inline_cache_entries", {})  # there are none before 3.11
    return caches[op] if isinstance(caches, list) else caches.get(NAME[op], 0)


CACHES = [caches_of(op) for op in range(256)]


class Maker:
    """maker(code, make_probe): the editor's twin of code, or a str when it is not sure. For a `with`."""

    def __enter__(self):
        from heartrate_shm import _tracer

        self._twin = _tracer._twin
        if MARKED:
            sys.monitoring.use_tool_id(TOOL, "verifier")
        return self

    def __exit__(self, *error):
        if MARKED:
            sys.monitoring.free_tool_id(TOOL)

    def __call__(self, code, make_probe):
        if not MARKED:
            return self._twin(code, make_probe)
        sys.monitoring.set_local_events(TOOL, code, sys.monitoring.events.LINE)
        try:
            return self._twin(code, make_probe)
        finally:
            sys.monitoring.set_local_events(TOOL, code, 0)


def code_within(code):
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from code_within(const)


def codes_of(paths):
    """All code of those files that compile."""
    for path in paths:
        try:
            code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):  # some are there to be wrong
            continue
        yield from code_within(code)


def instructions(code):
    """[(opcode, argument or offset of a jump's target, positions)], {offset: index of what begins there or is prefixed}."""
    found, index, begins = [], {}, []
    places = list(code.co_positions())
    for offset, *_, op, arg in dis._unpack_opargs(code.co_code):
        if op == CACHE:  # told of on 3.11
            continue
        begins.append(offset)
        if op == dis.EXTENDED_ARG:
            continue
        if op in HAS_JUMP:
            arg = offset + 2 + 2 * CACHES[op] + 2 * (-arg if op in BACKWARD else arg)
        index.update(dict.fromkeys(begins, len(found)))
        found.append((op, arg, places[offset // 2]))
        begins = []
    return found, index


def without_probes(found, index, const_count):
    """The same of a twin, as if its probes and the jumps over them were the instruction behind them; and how many."""
    kept, new_index, i = [], [], 0
    while i < len(found):
        new_index.append(len(kept))
        probe = i + (found[i][0] == JUMP_FORWARD and index[found[i][1]] == i + 4)
        ops = [NAME[op] for op, _, _ in found[probe:probe + 6]]
        if found[i][0] == JUMP_FORWARD and index[found[i][1]] == i + 1:  # it keeps two ways apart
            i += 1
        elif ops == STANDING_IN and found[probe + 2][1] >= const_count:
            assert probe == i and found[i][1] == found[i + 4][1] == 2
            new_index += [len(kept)] * 4
            i += 5
        elif ops[:1] == PROBE[:1] and found[probe][1] >= const_count:
            assert ops[:3] == PROBE
            new_index += [len(kept)] * (probe + 2 - i)
            i = probe + 3
        else:
            kept.append(found[i])
            i += 1
    return kept, {offset: new_index[at] for offset, at in index.items()}


def handlers(entries, index):
    return {index[offset]: (index[entry.target], entry.depth, entry.lasti)
            for entry in entries for offset in range(entry.start, entry.end, 2) if offset in index}


def deepest(code, found, index, entries):
    """How deep the stack gets on any path."""
    generator = code.co_flags & 0x2a0 and sys.version_info < (3, 13)  # begins with what RETURN_GENERATOR leaves
    todo = [(0, int(bool(generator)))] + [(index[entry.target], entry.depth + entry.lasti + 1) for entry in entries]
    before = {}
    while todo:
        at, depth = todo.pop()
        while at not in before or before[at] < depth:
            before[at] = depth
            op, arg, _ = found[at]
            if op in HAS_JUMP and op != END_ASYNC_FOR:
                todo.append((index[arg], depth + dis.stack_effect(op, arg, jump=True)))
            if op in ENDS:
                break
            depth += dis.stack_effect(op, None if op < dis.HAVE_ARGUMENT else arg, jump=False)
            at += 1
    assert min(before.values()) >= 0
    return max(before.values())


def assert_same_but_probes(code, twin):
    was, was_at = instructions(code)
    full, full_at = instructions(twin)
    now, now_at = without_probes(full, full_at, len(code.co_consts))
    assert len(was) == len(now), (len(was), len(now))
    for before, after in zip(was, now):
        if before != after:
            assert before[0] == after[0] and before[2] == after[2], (before, after)
            assert before[0] in HAS_JUMP and was_at[before[1]] == now_at[after[1]], (before, after)
        elif before[0] in HAS_JUMP:
            assert was_at[before[1]] == now_at[after[1]], (before, after)
    entries = dis._parse_exception_table(twin)
    assert handlers(dis._parse_exception_table(code), was_at) == handlers(entries, now_at)
    assert twin.co_stacksize - code.co_stacksize in (0, 1)
    assert deepest(twin, full, full_at, entries) <= twin.co_stacksize
    assert twin.co_consts[:len(code.co_consts)] == code.co_consts
    for name in SAME:
        assert getattr(twin, name) == getattr(code, name), name
