# needs: 3.14
"""t-strings (PEP 750)."""


def name():
    return "you"


template = t"hello {
    name()
} and {[
    n
    for n in range(2)
]!r:>{
    8
}}"
print([part.value if hasattr(part, "value") else part for part in template])
for n in range(2):
    print(t"{n}".values)
