# needs: 3.11
"""except*: groups split over handlers, nested, re-raised, with names and finally."""


def split(*errors):
    seen = []
    try:
        try:
            raise ExceptionGroup("all", errors)
        except* ValueError as group:
            seen.append(("value", len(group.exceptions)))
        except* (TypeError, KeyError) as group:
            seen.append(("type", len(group.exceptions)))
            if len(group.exceptions) > 1:
                raise
        else:
            seen.append("else")
        finally:
            seen.append("finally")
    except ExceptionGroup as rest:
        seen.append(("rest", len(rest.exceptions)))
    return seen


def naked():
    try:
        raise ValueError("alone")
    except* ValueError as group:
        return_value = type(group).__name__
    return return_value


def nothing():
    try:
        pass
    except* ValueError:
        print("never")
    else:
        print("else")


print(split(ValueError(1), TypeError(2)))
print(split(ValueError(1), ValueError(2)))
print(split(TypeError(1), KeyError(2), OSError(3)))
print(split(OSError(1), ExceptionGroup("inner", [ValueError(2), OSError(3)])))
print(naked())
nothing()
