"""The Mandelbrot set in characters, a little closer with every picture."""
# heartrate
import itertools

from pace import breathe

SHADES = " .:-=+*#%@"
TARGET = complex(-0.743643887037151, 0.131825904205330)


class View:
    def __init__(self, centre, width, columns=120, rows=40):
        self.centre = centre
        self.width = width
        self.columns = columns
        self.rows = rows

    def closer(self, factor):
        return View(self.centre, self.width * factor, self.columns, self.rows)

    def point(self, column, row):
        x = (column / self.columns - 0.5) * self.width
        y = (row / self.rows - 0.5) * self.width * 0.66
        return self.centre + complex(x, y)


class Picture:
    def __init__(self, view, depth=120):
        self.view = view
        self.depth = depth
        self.lines = []

    def paint(self):
        for row in range(self.view.rows):
            self.lines.append("".join(self.shades(row)))
            if row % 8 == 7:
                breathe(0.1)

    def shades(self, row):
        for column in range(self.view.columns):
            steps = escape(self.view.point(column, row), self.depth)
            yield SHADES[steps * (len(SHADES) - 1) // self.depth]


def escape(c, depth):
    """How many steps it takes z = z*z + c to get away."""
    z = 0j
    for step in range(depth):
        if abs(z) > 2:
            return step
        z = z * z + c
    return depth


def journey(rounds):
    """Yields one view after the other, `rounds` of them or for ever; starts anew when floats end."""
    for number in itertools.count() if rounds is None else range(rounds):
        if number % 60 == 0:
            view = View(TARGET, 3.0)
        yield view
        view = view.closer(0.8)
