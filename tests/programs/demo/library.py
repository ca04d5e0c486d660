"""The standard library as a shelf of texts, and a text as statements."""
# heartrate
import itertools
import os
import sysconfig
import tokenize

from lexer import Lexer
from pace import breathe
from syntax import ParseError, Parser

SHELF = """bisect calendar cmd code colorsys configparser contextlib copy csv dataclasses difflib fnmatch fractions
functools getopt glob heapq inspect keyword linecache mailbox numbers operator pprint queue random reprlib sched shelve
shlex statistics string textwrap timeit tokenize traceback types typing uuid warnings weakref""".split()

CHAPTER = 800  # lines: enough of a module to be interesting


def modules(rounds):
    """Yields (name, text), `rounds` times or for ever."""
    folder = sysconfig.get_path("stdlib")
    names = itertools.cycle(SHELF)
    if rounds is not None:
        names = itertools.islice(names, rounds)
    for name in names:
        try:
            with tokenize.open(os.path.join(folder, name + ".py")) as file:
                lines = list(itertools.islice(file, CHAPTER))
        except OSError:
            continue  # a Python without this module
        yield name, "".join(lines)


def statements(text):
    """Yields the tree of each statement, or the error that its reader gave up with."""
    line = []
    count = 0
    for token in Lexer(text).tokens():
        if token.kind != "newline":
            line.append(token)
            continue
        if line:
            count += 1
            yield statement(line)
            line = []
        if count % 100 == 0:
            breathe(0.06)


def statement(tokens):
    try:
        return Parser(tokens).statement()
    except ParseError as error:
        return error
