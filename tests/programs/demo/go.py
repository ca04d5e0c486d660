"""Go on a small board: two players who look one move ahead."""
# heartrate
import itertools
import random

from pace import breathe

SIZE = 9
EDGE = SIZE + 1  # the board is a list with a border of walls
EMPTY, BLACK, WHITE, WALL = ".", "X", "O", "#"
NEIGHBOURS = (-EDGE, -1, 1, EDGE)


class IllegalMove(Exception):
    pass


class Board:
    def __init__(self):
        row = [WALL] + [EMPTY] * SIZE
        self.stones = [WALL] * EDGE + row * SIZE + [WALL] * (EDGE + 1)
        self.ko = None

    def copy(self):
        board = Board()
        board.stones = self.stones[:]
        board.ko = self.ko
        return board

    def empty_points(self):
        return [point for point, stone in enumerate(self.stones) if stone == EMPTY]

    def group(self, start):
        """The stones connected with `start`, and whether any of them can breathe."""
        colour = self.stones[start]
        group = [start]
        seen = {start}
        liberties = 0
        for stone in group:
            for step in NEIGHBOURS:
                point = stone + step
                if point in seen:
                    continue
                seen.add(point)
                if self.stones[point] == EMPTY:
                    liberties += 1
                elif self.stones[point] == colour:
                    group.append(point)
        return group, liberties

    def is_eye(self, point, colour):
        return all(self.stones[point + step] in (colour, WALL) for step in NEIGHBOURS)

    def place(self, point, colour):
        if point == self.ko:
            raise IllegalMove("ko")
        self.stones[point] = colour
        captured = self.capture_around(point, other(colour))
        if not captured:
            group, liberties = self.group(point)
            if liberties == 0:
                self.stones[point] = EMPTY
                raise IllegalMove(f"suicide of {len(group)}")
        self.ko = captured[0] if len(captured) == 1 else None
        return captured

    def capture_around(self, point, victim):
        captured = []
        for step in NEIGHBOURS:
            if self.stones[point + step] == victim:
                group, liberties = self.group(point + step)
                if liberties == 0:
                    captured += group
                    for stone in group:
                        self.stones[stone] = EMPTY
        return captured

    def score(self, colour):
        own = self.stones.count(colour)
        return own + sum(self.is_eye(point, colour) for point in self.empty_points())


def other(colour):
    return WHITE if colour == BLACK else BLACK


class Game:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.board = Board()
        self.illegal = 0

    def move(self, colour):
        """Tries a few points on a copy of the board and plays the best; False is a pass."""
        points = [point for point in self.board.empty_points() if not self.board.is_eye(point, colour)]
        self.chance.shuffle(points)
        best = None
        for point in points[:10]:
            board = self.board.copy()
            try:
                captured = board.place(point, colour)
            except IllegalMove:
                self.illegal += 1
                continue
            group, liberties = board.group(point)
            value = 3 * len(captured) + liberties - len(group) // 4
            if best is None or value > best[0]:
                best = value, board
        if best:
            self.board = best[1]
        return best is not None

    def play(self, longest=120):
        colour = BLACK
        passes = 0
        for number in range(longest):
            passes = 0 if self.move(colour) else passes + 1
            if passes == 2:
                break
            colour = other(colour)
            if number % 10 == 0:
                breathe(0.06)
        black, white = self.board.score(BLACK), self.board.score(WHITE)
        return BLACK if black > white + 5.5 else WHITE


def games(rounds):
    for seed in itertools.count() if rounds is None else range(rounds):
        yield Game(seed)
