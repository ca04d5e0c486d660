"""Random programs that go wherever a line event may be: loops, try and with of all kinds, match, generators, await,
jumps out of finally, several statements on one line, one statement over many lines, all made from one seed."""
import random
import sys
import types

UNPACKS = sys.version_info >= (3, 15)  # comprehensions do (PEP 798)


class Program:
    """`text` is the source of three functions f0, f1, f2, each with one to three arguments."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.depth = self.inner = 0
        self.loop = self.gen = self.co = self.comp = False
        self.text = ""
        for i in range(3):
            self.loop, self.gen, self.co = False, self.chance(0.4), self.chance(0.3)
            self.text += f"{'async ' * self.co}def f{i}(a, b=2, c=3):\n" + self.body(1) + self.line(1) + self.body(1)

    def chance(self, of):
        return self.random.random() < of

    def pick(self, *choices):
        return self.random.choice(choices)

    def gap(self):
        """Between the tokens of something in brackets."""
        return self.pick("", "", "", " ", "\n", "\n\n", "\n ")

    def expr(self, depth=0):
        if depth > 3 or self.chance(0.25):
            return self.pick("a", "b", "c", "1", "0", "2", "a", "None", "[]", "(1,2)")
        kind = self.pick("bool", "if", "call", "call", "boom", "list", "dict", "generator", "walrus", "not", "format",
                         "lambda", "compare", "yield", "await", "display")
        before = self.gen, self.co, self.comp
        if kind in ("list", "dict", "generator", "lambda"):
            self.gen, self.co, self.comp = False, False, True
        text = self.expr_of(kind, depth + 1)
        self.gen, self.co, self.comp = before
        return text

    def expr_of(self, kind, depth):
        n, pick = self.gap, self.pick

        def e():
            return self.expr(depth)

        if kind == "bool":
            return f"({n()}{e()}{n()} {pick('and', 'or')} {n()}{e()}{n()})"
        if kind == "if":
            return f"({n()}{e()}{n()} if {n()}{e()}{n()} else {n()}{e()}{n()})"
        if kind == "call":
            return f"call({n()}{e()}{n()},{n()}{e()}{n()})"
        if kind == "list":
            return (f"[{n()}{self.unpacked('*', 'few(2)', '(x,)', 'boom(x)') or pick('x', 'call(x)', 'boom(x)', e())}{n()}"
                    f" for x in {n()}{pick('few(3)', 'few(a)', e())}{n()}"
                    f"{pick('', ' if x', ' if call(x)')}{n()}]")
        if kind == "dict":
            return (f"{{{n()}{self.unpacked('**', 'dict(q=x)', 'boom(x)') or 'x: ' + e()}{n()} for x in few(2){n()} for y in "
                    f"{n()}few(2){n()}}}")
        if kind == "generator":
            return f"list({n()}{self.unpacked('*', 'few(x)', '(x,)') or e()}{n()} for x in few({n()}2){n()})"
        if kind == "walrus" and not self.comp:
            return f"({n()}w := {e()}{n()})"
        if kind == "not":
            return f"(not {n()}{e()}{n()})"
        if kind == "format":
            return 'f"{call(1)} {call(a)}"'
        if kind == "lambda":
            return f"(lambda q{n()}: {n()}{pick('q', 'call(q)', 'boom(q)')}{n()})({e()})"
        if kind == "compare":
            return f"(1 {n()}< {n()}number({e()}){n()} < {n()}5)"
        if kind == "yield" and self.gen:
            return f"(yield {n()}{e()}{n()})"
        if kind == "await" and self.co:
            return f"(await {n()}wait({e()}{n()}){n()})"
        if kind == "display":
            return f"{{{n()}1: {e()}{n()}, {n()}2: {e()}}}"
        return f"boom({n()}{e()}{n()})"

    def unpacked(self, stars, *items):
        return UNPACKS and self.chance(0.3) and stars + self.gap() + self.pick(*items)

    def simple(self):
        kind = self.random.randrange(16)
        e, pick = self.expr, self.pick
        if kind < 5:
            return f"{pick('a', 'b', 'c')} = {e()}"
        if kind == 5:
            return e()
        if kind == 6:
            return "return" if self.gen and self.co else f"return {e()}"
        if kind == 7 and self.loop:
            return pick("break", "continue")
        if kind == 8:
            return f"raise {pick('ValueError(1)', 'KeyError', 'Own', 'StopIteration')}"
        if kind == 9:
            return f"assert {e()}{pick('', ', 1')}"
        if kind == 10:
            return f"boom({e()})"
        if kind == 11:
            return f"del {pick('a', 'b', 'c')}"
        if kind == 12:
            return f"o.x = {e()}"
        if kind == 13:
            name = pick("a, b", "(a,\n b)", "a, *b")
            return f"{name} = {e()}"
        if kind == 14 and self.gen and not self.co:
            return f"yield from {pick('few(2)', 'sub(2)', 'sub(a)')}"
        return pick("pass", "i = 0; i += 1")

    def line(self, indent):
        return "    " * indent + "; ".join(self.simple() for _ in range(self.pick(1, 1, 1, 2, 3))) + "\n"

    def body(self, indent):
        return "".join(self.statement(indent) for _ in range(self.pick(1, 1, 2, 2, 3)))

    def block(self, indent):
        """What follows a colon: on the same line, or below."""
        if self.chance(0.2):
            return " " + "; ".join(self.simple() for _ in range(self.pick(1, 2))) + "\n"
        return "\n" + self.body(indent + 1)

    def statement(self, indent):
        self.depth += 1
        if self.depth > 5 or self.chance(0.4):
            text = self.line(indent)
        else:
            kinds = "if", "loop", "loop", "loop", "try", "try", "try", "with", "with", "match", "function", "group", "body"
            text = getattr(self, "put_" + self.pick(*kinds))("    " * indent, indent)
        self.depth -= 1
        return text

    def put_if(self, p, indent):
        text = f"{p}if {self.expr()}:{self.block(indent)}"
        if self.chance(0.4):
            text += f"{p}elif {self.expr()}:{self.block(indent)}"
        return text + (f"{p}else:{self.block(indent)}" if self.chance(0.5) else "")

    def put_loop(self, p, indent):
        before, self.loop = self.loop, True
        n = self.gap
        over = self.pick("few(3)", "few(2)", "sub(2)", f"({n()}1, 2{n()})", f"few({n()}call(3){n()})", self.expr())
        text = self.pick(f"while tick({self.pick('1', '3', self.expr())})", f"for {self.pick('a', 'b', 'i')} in {over}")
        if self.co and self.chance(0.5):
            text = f"async for {self.pick('a', 'b')} in {self.pick('asub(2)', f'asub({n()}3{n()})')}"
        text = f"{p}{text}:{self.block(indent)}"
        self.loop = before
        return text + (f"{p}else:{self.block(indent)}" if self.chance(0.3) else "")

    def put_try(self, p, indent):
        text = f"{p}try:{self.block(indent)}"
        handlers = self.pick(0, 1, 1, 2)
        for _ in range(handlers):
            caught = self.pick(" ValueError", " KeyError as ex", " (Own,\n KeyError)", " Exception as ex", " same(ValueError)")
            text += f"{p}except{caught}:{self.block(indent)}"
        if handlers and self.chance(0.3):
            text += f"{p}except:{self.block(indent)}"
        if handlers and self.chance(0.3):
            text += f"{p}else:{self.block(indent)}"
        return text + (f"{p}finally:{self.block(indent)}" if not handlers or self.chance(0.4) else "")

    def put_group(self, p, indent):
        before, self.loop = self.loop, False
        text = f"{p}try:{self.block(indent)}{p}except* {self.pick('ValueError', 'KeyError as ex')}:\n{p}    call(1)\n"
        text += f"{p}    {self.pick('pass', 'raise', 'boom(1)', 'call(2)')}\n"
        self.loop = before
        return text + (f"{p}finally:{self.block(indent)}" if self.chance(0.3) else "")

    def put_with(self, p, indent):
        n = self.gap

        def manager():
            value = self.pick("0", "1", "2", self.expr())
            return f"Manager({n()}{value}{n()}){self.pick('', ' as a', ' as o.x', ' as (a, b)')}"

        if self.co and self.chance(0.5):
            return f"{p}async with AsyncManager({self.expr()}){self.pick('', ' as a')}:{self.block(indent)}"
        several = self.pick(manager(), manager(), f"{manager()}, {manager()}", f"({manager()},\n {manager()})")
        return f"{p}with {several}:{self.block(indent)}"

    def put_match(self, p, indent):
        text = f"{p}match {self.expr()}:\n"
        for _ in range(self.pick(1, 2, 3)):
            pattern = self.pick("0", "1 | 2", "[x, *y]", "{1: x}", "None", "int(x)", "(x, 2)")
            text += f"{p}    case {pattern}{self.pick('', f' if {self.expr()}')}:{self.block(indent + 1)}"
        return text + (f"{p}    case _:{self.block(indent + 1)}" if self.chance(0.5) else "")

    def put_function(self, p, indent):
        self.inner += 1
        name = f"in{self.inner}"
        before = self.loop, self.gen, self.co
        default = self.expr()
        self.loop, self.gen, self.co = False, self.chance(0.3), False
        text = f"{p}def {name}(a, b={default}, c=1):{self.block(indent)}"
        self.loop, self.gen, self.co = before
        return text + f"{p}call({name}({self.expr()}))\n"

    def put_body(self, p, indent):
        before = self.loop, self.gen, self.co
        self.loop = self.gen = self.co = False
        text = f"{p}class K:\n{p}    x = {self.expr(2)}\n{p}    y = [\n{p}     i for i in few(2)]\n"
        self.loop, self.gen, self.co = before
        return text


class Own(Exception):
    pass


def world(log):
    """The globals of a program: functions that now and then raise, and after some 400 calls always do."""
    calls, left = [0], [400]

    def spend():
        left[0] -= 1
        if left[0] < 0:
            raise OverflowError

    def call(*args):
        spend()
        log.append(len(args))
        calls[0] += 1
        return (calls[0] * 7 + len(log)) % 5 - 1

    def boom(*args):
        spend()
        calls[0] += 1
        if calls[0] % 3 == 0:
            raise [ValueError(1), KeyError(2), Own()][calls[0] % 9 // 3]
        return calls[0] % 4

    def few(n):
        spend()
        return range(n if isinstance(n, int) and 0 <= n < 4 else 2)

    def sub(n):
        for i in few(n):
            try:
                yield i
            except ValueError:
                yield 7

    def tick(_):
        spend()
        calls[0] += 1
        return calls[0] % 4

    def number(x):
        return x if isinstance(x, int) else 3

    def same(x):
        spend()
        return x

    class Manager:
        def __init__(self, n):
            pass

        def __enter__(self):
            call()
            return (1, 2) if calls[0] % 5 else boom()

        def __exit__(self, *error):
            log.append(repr(error[0]))
            return calls[0] % 3 == 0 if call() else boom()

    class AsyncManager(Manager):
        async def __aenter__(self):
            return self.__enter__()

        async def __aexit__(self, *error):
            await wait(1)
            return self.__exit__(*error)

    @types.coroutine
    def wait(x):
        spend()
        return (yield x)

    async def asub(n):
        for i in range(n):
            await wait(i)
            yield i

    return {**locals(), "Own": Own, "o": types.SimpleNamespace()}


def drive(function, args, log, how):
    """Calls it, and sends into, throws into and closes what it returns."""
    try:
        result = function(*args)
        if hasattr(result, "send"):
            for k in range(1, 13):
                if (how + k) % 5 == 0 and k > 1:
                    value = result.throw([ValueError, KeyError][k % 2])
                elif (how + k) % 11 == 0:
                    result.close()
                    break
                else:
                    value = result.send(None if k == 1 else k % 3)
                log.append(type(value).__name__)
        log.append(type(result).__name__)
    except BaseException as error:
        log.append(type(error).__name__)


def drive_all(namespace, log):
    for how in range(4):
        for name in "f0", "f1", "f2":
            for args in (0,), (1, 2), (2, 0, 1):
                drive(namespace[name], args, log, how)
