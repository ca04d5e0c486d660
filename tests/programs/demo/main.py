"""The program of `./dev demo`: three threads with something to do, in plain Python of several files.

The main thread reads the standard library with its own lexer and parser, a second one paints the Mandelbrot set, a
third one plays Go against itself. It goes on until Ctrl-C. With `--rounds N` each does N rounds, always the same ones,
and then the program rests until its standard input ends: the counts of a resting program can be compared. With
`--when-told` it begins when a line comes there: however slow the machine is, who watches misses nothing.
"""
# heartrate
import argparse
import sys
import threading

import heartrate_shm

heartrate_shm.trace(name="demo")

import go
import library
import mandelbrot
from census import Census
from pace import rest


def read_library(rounds):
    """Reads one module after the other and counts what is in it."""
    census = Census()
    for name, text in library.modules(rounds):
        for statement in library.statements(text):
            census.note(name, statement)
        census.close(name)
    return census


def paint(rounds):
    """Zooms into the Mandelbrot set, picture by picture."""
    for view in mandelbrot.journey(rounds):
        picture = mandelbrot.Picture(view)
        picture.paint()


def play_go(rounds):
    """Plays games of Go and keeps the score."""
    won = {go.BLACK: 0, go.WHITE: 0}
    for game in go.games(rounds):
        winner = game.play()
        won[winner] += 1
    return won


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, help="come to rest after so many rounds")
    parser.add_argument("--when-told", action="store_true", help="begin at a line on standard input")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    if arguments.when_told:
        sys.stdin.readline()

    threads = [
        threading.Thread(target=paint, args=(rounds,), name="painter", daemon=True),
        threading.Thread(target=play_go, args=(rounds,), name="go", daemon=True),
    ]
    for thread in threads:
        thread.start()
    census = read_library(rounds)
    for thread in threads:
        thread.join()
    if rounds is not None:
        rest(census.summary())


try:
    main()
except KeyboardInterrupt:
    pass
