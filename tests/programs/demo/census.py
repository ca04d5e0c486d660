"""What was read, in numbers."""
# heartrate
from syntax import ParseError


class Census:
    def __init__(self):
        self.kinds = {}
        self.too_hard = 0
        self.deepest = (0, "")
        self.modules = []

    def note(self, module, statement):
        if isinstance(statement, ParseError):
            self.too_hard += 1
            return
        depth = statement.depth()
        if depth > self.deepest[0]:
            self.deepest = (depth, module)
        for tree in statement.walk():
            self.kinds[tree.kind] = self.kinds.get(tree.kind, 0) + 1

    def close(self, module):
        self.modules.append(module)
        if len(self.kinds) > 5000:  # the demo may run for days
            self.kinds = dict(self.most_common(1000))

    def most_common(self, count):
        return sorted(self.kinds.items(), key=lambda item: (-item[1], item[0]))[:count]

    def summary(self):
        total = sum(self.kinds.values())
        depth, where = self.deepest
        return (
            f"{len(self.modules)} modules read: {total} nodes, the deepest statement {depth} deep in {where},"
            f" {self.too_hard} statements too hard"
        )
