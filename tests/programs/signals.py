"""Signal handlers: run between two lines of the main thread, nested, raising, from C calls."""
import os
import signal

seen = []


def handler(number, frame):
    seen.append(
        signal.Signals(number).name
    )
    if number == signal.SIGUSR1 and len(seen) < 4:
        os.kill(os.getpid(), signal.SIGUSR2)
        seen.append("back")


def raising(number, frame):
    raise InterruptedError("from the handler")


def send(number):
    os.kill(os.getpid(), number)
    return len(seen)


signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGUSR2, handler)
print(send(signal.SIGUSR1))
print(send(signal.SIGUSR2))
for _ in range(3):
    signal.raise_signal(signal.SIGUSR1)
print(seen)

signal.signal(signal.SIGALRM, raising)
try:
    signal.raise_signal(signal.SIGALRM)
    print("maybe")
except InterruptedError as error:
    print(error)

signal.signal(signal.SIGALRM, lambda number, frame: seen.append("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.pause()
print(seen[-1])
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(3):
        pass
except KeyboardInterrupt:
    print("interrupted")
