"""Python source, character by character, into tokens. Understands enough for the demo."""
# heartrate

KEYWORDS = frozenset(
    """and as assert async await break class continue def del elif else except finally for from global if import in is
    lambda nonlocal not or pass raise return try while with yield""".split()
)
OPERATORS = ("**=", "//=", "<<=", ">>=", "...", "->", ":=", "**", "//", "<<", ">>", "<=", ">=", "==", "!=")
OPERATORS += ("+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=")


class Token:
    __slots__ = ("kind", "text")

    def __init__(self, kind, text):
        self.kind = kind
        self.text = text

    def __repr__(self):
        return f"{self.kind} {self.text!r}"


class Lexer:
    def __init__(self, text):
        self.text = text
        self.at = 0
        self.brackets = 0

    def tokens(self):
        end = len(self.text)
        while self.at < end:
            char = self.text[self.at]
            if char == "\n":
                self.at += 1
                if self.brackets == 0:
                    yield Token("newline", char)
            elif char in " \t\f\r\\":
                self.at += 1
            elif char == "#":
                self.skip_comment()
            elif char in "\"'":
                yield self.string()
            elif char.isdigit():
                yield self.take("number", lambda c: c.isalnum() or c in "._")
            elif char.isidentifier():
                yield self.word()
            else:
                yield self.operator()
        yield Token("newline", "")

    def take(self, kind, belongs):
        start = self.at
        while self.at < len(self.text) and belongs(self.text[self.at]):
            self.at += 1
        return Token(kind, self.text[start : self.at])

    def skip_comment(self):
        while self.at < len(self.text) and self.text[self.at] != "\n":
            self.at += 1

    def word(self):
        token = self.take("name", lambda c: c.isalnum() or c == "_")
        if token.text in KEYWORDS:
            token.kind = "keyword"
        elif token.text.lower() in ("r", "b", "f", "u", "rb", "br", "fr", "rf") and self.peek() in "\"'":
            return self.string()
        return token

    def peek(self):
        return self.text[self.at : self.at + 1] or "\n"

    def string(self):
        start = self.at
        quote = self.text[start]
        if self.text.startswith(quote * 3, start):
            quote *= 3
        self.at += len(quote)
        while not self.text.startswith(quote, self.at):
            if self.at >= len(self.text):
                break
            self.at += 2 if self.text[self.at] == "\\" else 1
        self.at += len(quote)
        return Token("string", self.text[start : self.at])

    def operator(self):
        for operator in OPERATORS:
            if self.text.startswith(operator, self.at):
                break
        else:
            operator = self.text[self.at]
        if operator in "([{":
            self.brackets += 1
        elif operator in ")]}":
            self.brackets -= 1
        self.at += len(operator)
        return Token("operator", operator)
