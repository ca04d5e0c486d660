"""Python functions that C code calls: sort keys, comparisons, hashes, codecs, iteration, copying, regular expressions."""
import copy
import functools
import itertools
import json
import operator
import pickle
import re


class Key:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    def __hash__(self):
        return hash(
            self.value
        )

    def __lt__(self, other): return self.value < other.value

    def __index__(self):
        return self.value

    def __add__(self, other):
        if isinstance(other, Key):
            return Key(self.value + other.value)
        return NotImplemented

    def __radd__(self, other):
        return Key(other + self.value)

    def __reduce__(self):
        return Key, (
            self.value,
        )

    def __deepcopy__(self, memo):
        return Key(self.value + 100)

    def __iter__(self):
        for n in range(self.value):
            yield n

    def __format__(self, spec):
        return "key" + spec

    def __bool__(self):
        return self.value > 0

    def __getattribute__(self, name):
        return object.__getattribute__(self, name)


def upper(match):
    return match.group().upper()


def hook(pairs):
    return sorted(
        pairs
    )


def compare(a, b):
    if a < b:
        return -1
    return a > b


keys = [Key(n) for n in (3, 1, 2)]
print([key.value for key in sorted(keys)], {Key(1): "one"}[Key(1)], Key(2) in set(keys), [1, 2, 3][Key(1)])
print(sum(keys, 0).value, copy.deepcopy(keys)[0].value, pickle.loads(pickle.dumps(keys))[1].value)
print(re.sub(r"\b\w", upper, "make it so"), json.loads('{"b": 1, "a": {"d": 2, "c": 3}}', object_pairs_hook=hook))
print(sorted([3, 1, 2], key=functools.cmp_to_key(compare)), list(itertools.chain.from_iterable(keys)))
print([k for k, g in itertools.groupby(range(6), key=lambda n: n // 4)], list(itertools.takewhile(lambda n:
      n < 3, itertools.count())))
print(f"{keys[0]:>5}", bool(Key(0)), any(keys), operator.add(Key(1), Key(2)).value)
print(dict(zip(*[iter("abcd")] * 2)), max(keys, key=lambda key: -key.value).value)
