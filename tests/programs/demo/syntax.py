"""One statement's tokens into a tree: a Pratt parser for expressions below a few statements.

It reads what most lines of Python are made of and raises ParseError at the rest: comprehensions, lambdas, slices of
slices are too hard for it, and that is part of the show.
"""
# heartrate

BINDS = {"or": 1, "and": 2, "in": 4, "is": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "==": 4, "!=": 4}
BINDS.update({"|": 5, "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "//": 10, "%": 10, "@": 10})
BINDS.update({"**": 12, "(": 13, "[": 13, ".": 13})
PREFIX = {"not": 3, "-": 11, "+": 11, "~": 11, "*": 11, "**": 11}
CLOSES = {"(": ")", "[": "]", "{": "}"}


class ParseError(Exception):
    pass


class Tree:
    def __init__(self, kind, *children):
        self.kind = kind
        self.children = children

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def depth(self):
        return 1 + max([child.depth() for child in self.children], default=0)


class Parser:
    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def peek(self):
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def next(self):
        if self.at == len(self.tokens):
            raise ParseError("the statement ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, text):
        token = self.next()
        if token.text != text:
            raise ParseError(f"{token.text!r} stands where {text!r} should")

    def statement(self):
        first = self.peek()
        if first in ("def", "class"):
            return self.definition()
        if first in ("if", "elif", "while", "return", "raise", "assert", "del"):
            self.next()
            tree = Tree(first, *self.until_end())
        elif first in ("import", "from", "try", "else", "finally", "pass", "break", "continue", "global", "nonlocal"):
            return Tree(first)
        else:
            tree = self.assignment()
        if self.peek() not in ("", ":"):
            raise ParseError(f"{self.peek()!r} is too hard")
        return tree

    def until_end(self):
        return [] if self.peek() == "" else [self.tuple()]

    def definition(self):
        kind = self.next().text
        name = Tree(self.next().text)
        if self.peek() == "(":
            self.next()
            return Tree(kind, name, *self.items(")"))
        return Tree(kind, name)

    def assignment(self):
        target = self.tuple()
        while self.peek().endswith("=") and self.peek() not in ("==", "<=", ">=", "!="):
            operator = self.next().text
            target = Tree(operator, target, self.tuple())
        return target

    def tuple(self):
        items = [self.expression()]
        while self.peek() == ",":
            self.next()
            if self.peek() in ("", "=", ":"):
                break
            items.append(self.expression())
        return items[0] if len(items) == 1 else Tree("tuple", *items)

    def expression(self, least=0):
        left = self.prefix()
        while BINDS.get(self.peek(), -1) > least:
            operator = self.next().text
            if operator in CLOSES:
                left = Tree("call" if operator == "(" else "item", left, *self.items(CLOSES[operator]))
            else:
                left = Tree(operator, left, self.expression(BINDS[operator]))
        if self.peek() == "if" and least == 0:
            self.next()
            condition = self.expression(1)
            self.expect("else")
            left = Tree("if", left, condition, self.expression())
        return left

    def prefix(self):
        token = self.next()
        if token.text in PREFIX:
            return Tree(token.text, self.expression(PREFIX[token.text]))
        if token.text in CLOSES:
            return Tree(token.text, *self.items(CLOSES[token.text]))
        if token.kind in ("name", "number", "string") or token.text == "...":
            return Tree(token.text)
        raise ParseError(f"{token.text!r} is too hard")

    def items(self, close):
        """What stands between brackets: expressions, `name=value`, `key: value`."""
        items = []
        while self.peek() != close:
            item = self.expression()
            if self.peek() in ("=", ":", ":="):
                item = Tree(self.next().text, item, self.expression())
            items.append(item)
            if self.peek() != close:
                self.expect(",")
        self.expect(close)
        return items
