# exit: 1
"""An exception that nobody catches: the traceback and the exit code are part of the program's face."""


def inner(n):
    if n == 0:
        raise ValueError(
            "nobody catches"
            " this"
        )
    return inner(n - 1)


def outer():
    try:
        inner(3)
    except ValueError as error:
        raise RuntimeError("in the end") from error


print("before")
outer()
print("never")
