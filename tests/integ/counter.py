"""The oracle: how often each line was hit, as a plain sys.settrace function sees it.

Pure Python, no part of heartrate_shm. It is in place from the moment install() returns and counts from the moment
start() is called, so that threads, frames and suspended generators that exist by then are seen like all others.
"""
import _thread
import sys
import threading
from _thread import get_ident
from collections import defaultdict


class LineCounter:
    def __init__(self, wanted):
        """Lines of files for whose name `wanted(name)` is true."""
        self._wanted = wanted
        self._counting = []  # holds something once it counts
        self._locals = {}  # (thread, file name) -> trace function of its frames
        self._counts = []  # (file name, {line: hits}); one for each thread, because += is not atomic

    def install(self):
        _thread.start_new_thread = self._start_new_thread
        threading.settrace(self._call)
        sys.settrace(self._call)

    def start(self):
        self._counting.append(True)

    def result(self):
        """{file name: {line: hits}}, as counted so far."""
        total = {}
        for name, counts in list(self._counts):
            lines = total.setdefault(name, {})
            for line, hits in list(counts.items()):
                lines[line] = lines.get(line, 0) + hits
        return {name: lines for name, lines in total.items() if lines}

    def _start_new_thread(self, function, args, kwargs={}, start=_thread.start_new_thread):
        def run():
            sys.settrace(self._call)
            function(*args, **kwargs)

        return start(run, ())

    def _call(self, frame, event, arg):
        # Asked at every entry and every resumption, in the thread that goes on with the frame.
        key = get_ident(), frame.f_code.co_filename
        try:
            return self._locals[key]
        except KeyError:
            local = self._locals[key] = self._local(key[1]) if self._wanted(key[1]) else None
            return local

    def _local(self, name):
        counts, counting = defaultdict(int), self._counting
        self._counts.append((name, counts))

        def local(frame, event, arg):
            if event == "line" and counting:
                counts[frame.f_lineno] += 1
            return local

        return local
