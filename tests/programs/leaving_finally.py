"""Leaving finally blocks by every door while an exception or a return is under way."""
import warnings


class Swallow:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return True


def swallowed(n):
    for i in range(n):
        with Swallow():
            try:
                if i % 2:
                    raise ValueError(i)
            finally:
                n -= 1
                if i == 3:
                    raise KeyError(i)
        if i == 5:
            break
    return n


def nested_finally():
    order = []
    try:
        try:
            try:
                raise ValueError
            finally:
                order.append(1)
        finally:
            try:
                order.append(2)
            finally:
                order.append(3)
    except ValueError:
        order.append(4)
    return order


def return_through(n):
    for i in range(n):
        try:
            try:
                if i == 2:
                    return i
            finally:
                last = i
        finally:
            last += 1
    return last


print(swallowed(8), nested_finally(), return_through(2), return_through(5))

# Newer Pythons warn about these while they compile them.
WARNED = """
def by_break():
    while True:
        try:
            raise ValueError
        finally:
            break
    return "swallowed by break"

def by_return(n):
    try:
        return 1 // n
    finally:
        if not n:
            return "swallowed by return"

def by_continue(n):
    for i in range(n):
        try:
            if i % 2:
                raise ValueError
        finally:
            continue
    return i

print(by_break(), by_return(0), by_return(1), by_continue(4))
"""
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    warned = compile(WARNED, "<leaving finally>", "exec")
exec(warned)
