# needs: 3.12
"""Type parameters and type statements (PEP 695)."""


def bound():
    print("bound evaluated")
    return int


type Alias = list[
    int
]
type Lazy[T] = dict[str, T] if bound() else None


def first[T: bound()](
    items: list[T],
) -> T:
    return items[0]


class Box[
    T,
    *Ts,
]:
    content: T | None = None

    def put[U](self, item: U) -> "Box[U]":
        self.content = item
        return self


print(first([1]), Box().put(2).content, Alias.__value__)
print(first.__type_params__[0].__bound__, Lazy.__value__)
