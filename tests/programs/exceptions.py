"""try, except, else, finally in every nesting; raising anew, from another, in finally; assert."""


def flow(kind):
    steps = []
    try:
        steps.append("try")
        if kind:
            raise kind("x")
        steps.append("no error")
    except (KeyError, IndexError) as error:
        steps.append(type(error).__name__)
    except ValueError:
        steps.append("value")
        try:
            raise
        except ValueError:
            steps.append("again")
    except Exception:
        steps.append("other")
    else:
        steps.append("else")
    finally:
        steps.append("finally")
    return steps


def early(n):
    try:
        if n == 1:
            return "try"
        if n == 2:
            raise ValueError
        return "late"
    except ValueError:
        return "except"
    finally:
        n += 1
        if n == 4:
            print("in finally", n)


def loop_control():
    out = []
    for n in range(5):
        try:
            if n == 1:
                continue
            if n == 3:
                break
            out.append(n)
        finally:
            out.append("f")
    return out


def chained():
    try:
        try:
            int("x")
        except ValueError as error:
            raise KeyError("second") from error
    except KeyError as error:
        return repr(error.__cause__)[:10]


def deep(n):
    if n == 0:
        raise LookupError("deep")
    try:
        deep(n - 1)
    finally:
        n += 0


def failing_handler():
    try:
        try:
            1 / 0
        except 1 / 0:
            print("never")
    except ZeroDivisionError:
        return "the expression failed"


def multi_line_raise():
    try:
        raise ValueError(
            "a",
            str(
                1
            ),
        )
    except (
        KeyError,
        ValueError,
    ) as error:
        return error.args


def asserting(n):
    assert n, "zero"
    assert (
        n
        < 5
    ), (
        "too "
        "large"
    )
    return n


def unmatched():
    try:
        try:
            raise KeyError
        except ValueError:
            print("never")
        finally:
            print("passing")
    except KeyError:
        pass


for kind in (None, KeyError, IndexError, ValueError, TypeError):
    print(flow(kind))
print([early(n) for n in range(4)], loop_control(), chained())
try:
    deep(5)
except LookupError as error:
    print(error)
print(failing_handler(), multi_line_raise())
for n in (0, 3, 7):
    try:
        print(asserting(n))
    except AssertionError as error:
        print(error)
unmatched()
try: raise ValueError
except ValueError: pass
finally: print("one line each")
