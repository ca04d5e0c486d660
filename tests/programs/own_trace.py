# oracle: none
"""A program that traces itself with sys.settrace, a profiler beside it, and what it sees of the two slots."""
import sys
import threading

events = []


def tracer(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        events.append((frame.f_code.co_name, event, frame.f_lineno))
    return tracer


def profiler(frame, event, arg):
    if frame.f_code.co_filename == __file__:
        profiled.append((frame.f_code.co_name, event, getattr(arg, "__name__", None)))


def work(n):
    total = 0
    for i in range(n):
        total += i
    try:
        raise ValueError
    except ValueError:
        pass
    return total


def generator():
    yield from range(2)


def watched():
    sys.settrace(tracer)
    work(3)
    list(generator())
    sys.settrace(None)
    work(1)


print(sys.gettrace(), sys.getprofile())
watched()
print(events)
events = []
frame = sys._getframe()
print(frame.f_trace, frame.f_trace_lines, frame.f_trace_opcodes)
threading.settrace(tracer)
thread = threading.Thread(target=work, args=(2,))
thread.start()
thread.join()
threading.settrace(None)
print(events)
profiled = []
sys.setprofile(profiler)
work(2)
sys.setprofile(None)
print(profiled)
print(sys.settrace, sys.gettrace(), sys.getprofile(), sys.settrace is sys.__dict__["settrace"])
saved = sys.gettrace()
sys.settrace(saved)
work(1)
try:
    sys.settrace()
except TypeError as error:
    print(error)
