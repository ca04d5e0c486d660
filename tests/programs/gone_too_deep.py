# oracle: itself
"""Recursion past the limit. A Python trace function would fail there itself, so this program keeps its own counts:
it prints, as its last line, how often the lines with a `# = name` mark were hit."""
import json

entered = left = caught = 0


def down():
    global entered, left
    entered += 1  # = entered
    down()
    left += 1  # = left


def one_line(n): return one_line(n + 1)


class Item:
    def __lt__(self, other):
        global entered
        entered += 1  # = entered_again
        return self < other


def attempt():
    global caught
    try:
        down()
    except RecursionError:
        caught += 1  # = caught


for _ in range(5):
    attempt()
first = entered
entered = 0
try:
    Item() < Item()
except RecursionError:
    pass
try:
    one_line(0)
except RecursionError:
    pass
print(first, entered)
print(json.dumps({"entered": first, "left": left, "caught": caught, "entered_again": entered}))
