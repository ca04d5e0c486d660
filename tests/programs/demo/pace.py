"""How fast the demo goes: fast enough to be alive, slow enough to leave the machine alone."""
import time


def breathe(seconds):
    """Not traced, and the same number of calls in every run: time never decides what is counted."""
    time.sleep(seconds)
