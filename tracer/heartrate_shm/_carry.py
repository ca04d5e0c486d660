"""Carries filters to other processes, by value: nothing of the program is imported there for them.

A function goes as its code with the values that it uses; what it uses may be plain values, containers of such, other
functions, and whatever the standard library or this package has by a name. Code is understood by the same Python only.
"""

import builtins
import marshal
import os
import sys
import types

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...))
_CONTAINERS = {"tuple": tuple, "list": list, "set": set, "frozenset": frozenset}
_PYTHON = sys.version_info[:2]


class CannotCarry(Exception):
    """The message names the thing."""


class Packer:
    """Turns objects into what ``marshal`` can write. ``missing``: names of global values that functions may need."""

    def __init__(self):
        self.functions = []
        self.missing = []
        self._index = {}

    def pack(self, value):
        kind = type(value)
        if kind in _PLAIN:
            return "=", value
        if kind in _CONTAINERS.values():
            return kind.__name__, [self.pack(item) for item in value]
        if kind is dict:
            return "dict", [(self.pack(key), self.pack(item)) for key, item in value.items()]
        if isinstance(value, types.ModuleType) and _is_standard(value.__name__):
            return "module", value.__name__
        module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if isinstance(module, str) and isinstance(qualname, str) and _is_standard(module):
            if _find(module, qualname) is value:
                return "name", module, qualname
            if kind is types.FunctionType and module.startswith(__package__ + "."):
                return self._closure_of_ours(value, module, qualname)
        if kind is types.FunctionType:
            return "function", self._function(value)
        bound_to = getattr(value, "__self__", None)
        if bound_to is not None and not isinstance(bound_to, types.ModuleType):
            return "attribute", self.pack(bound_to), value.__name__
        call = _as_call(value)
        if call is None:
            raise CannotCarry("%s %r" % (kind.__name__, qualname or value))
        return "call", self.pack(call[0]), self.pack(call[1]), self.pack(call[2])

    def _closure_of_ours(self, function, module, qualname):
        """What one of this package's own factories made: the factory and its arguments, good for any Python."""
        factory = qualname.split(".")[0]
        code = _find(module, factory).__code__
        values = dict(zip(function.__code__.co_freevars, (cell.cell_contents for cell in function.__closure__)))
        args = [values[name] for name in code.co_varnames[: code.co_argcount]]
        if code.co_flags & 4:  # CO_VARARGS
            args += values[code.co_varnames[code.co_argcount]]
        return "call", ("name", module, factory), self.pack(args), self.pack({})

    def _function(self, function):
        if id(function) in self._index:
            return self._index[id(function)]
        at = self._index[id(function)] = len(self.functions)
        self.functions.append(None)
        values = {"__name__": self.pack(function.__module__)}
        for name in _names(function.__code__):
            if name in function.__globals__:
                try:
                    values[name] = self.pack(function.__globals__[name])
                except CannotCarry:
                    self.missing.append(name)
        self.functions[at] = (
            _PYTHON,
            marshal.dumps(function.__code__),
            function.__qualname__,
            values,
            [self.pack(cell.cell_contents) for cell in function.__closure__ or ()],
            self.pack(function.__defaults__),
            self.pack(function.__kwdefaults__),
        )
        return at


class Unpacker:
    """The other way round. Raises CannotCarry for code of another Python."""

    def __init__(self, functions):
        self._packed = functions
        self._made = {}

    def unpack(self, packed):
        kind, rest = packed[0], packed[1:]
        if kind == "=":
            return rest[0]
        if kind in _CONTAINERS:
            return _CONTAINERS[kind](self.unpack(item) for item in rest[0])
        if kind == "dict":
            return {self.unpack(key): self.unpack(item) for key, item in rest[0]}
        if kind == "module":
            return _import(rest[0])
        if kind == "name":
            return _find(rest[0], rest[1], _import)
        if kind == "function":
            return self._function(rest[0])
        if kind == "attribute":
            return getattr(self.unpack(rest[0]), rest[1])
        function, args, keywords = (self.unpack(part) for part in rest)
        return function(*args, **keywords)

    def _function(self, at):
        if at in self._made:
            return self._made[at]
        python, code, qualname, values, cells, defaults, keyword_defaults = self._packed[at]
        if tuple(python) != _PYTHON:
            raise CannotCarry("function %s of Python %d.%d" % ((qualname,) + tuple(python)))
        code = marshal.loads(code)
        closure = tuple(types.CellType() for _ in cells)
        function = types.FunctionType(code, {"__builtins__": builtins}, code.co_name, None, closure or None)
        self._made[at] = function
        function.__qualname__ = qualname
        for name, value in values.items():
            function.__globals__[name] = self.unpack(value)
        for cell, value in zip(closure, cells):
            cell.cell_contents = self.unpack(value)
        function.__defaults__ = self.unpack(defaults)
        function.__kwdefaults__ = self.unpack(keyword_defaults)
        return function


def _names(code):
    """Names of everything that a function and those inside it may look up globally; attributes are among them."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _as_call(value):
    """(function, args, keywords) that makes an equal value, for the few classes that filters are made with."""
    re, functools, pathlib = (sys.modules.get(name) for name in ("re", "functools", "pathlib"))
    if re and isinstance(value, re.Pattern):
        return re.compile, (value.pattern, value.flags), {}
    if functools and type(value) is functools.partial:
        return functools.partial, (value.func,) + value.args, value.keywords
    if pathlib and type(value) in (pathlib.PurePosixPath, pathlib.PosixPath):
        return type(value), (str(value),), {}
    return None


def _is_standard(module):
    top = module.split(".")[0]
    if top == __package__:
        return True
    if sys.version_info >= (3, 10):
        return top in sys.stdlib_module_names and top != "__main__"
    found = sys.modules.get(top)
    path = getattr(found, "__file__", None)
    if path is None:
        return top in sys.builtin_module_names
    return path.startswith(os.path.dirname(os.__file__) + os.sep) and "-packages" + os.sep not in path


def _import(module):
    __import__(module)
    return sys.modules[module]


def _find(module, qualname, get=sys.modules.get):
    found = get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found
