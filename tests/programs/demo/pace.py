"""How fast the demo goes: fast enough to be alive, slow enough to leave the machine alone.

It works in bursts longer than the interpreter's switch interval (5 ms), so that a look at its stacks finds it at work.
"""
import sys
import time


def breathe(seconds):
    """Not traced, and the same number of calls in every run: time never decides what is counted."""
    time.sleep(seconds)


def rest(summary):
    """Says so and waits for the end of the standard input. Not traced: who reads the summary knows that no line is
    hit any more."""
    print(summary, flush=True)
    sys.stdin.read()
