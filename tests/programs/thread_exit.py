# exit: 3
"""sys.exit and uncaught exceptions in threads, sys.exit in the main thread with an exit code."""
import sys
import threading


def leaves():
    print("thread leaves")
    try:
        sys.exit("unseen")
    finally:
        print("on its way")
    print("never")


def fails():
    raise ValueError("in a thread")


def hook(args):
    print("hook", args.exc_type.__name__, args.exc_value)


threading.excepthook = hook
for target in leaves, fails:
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
try:
    sys.exit(3)
finally:
    print("main leaves")
