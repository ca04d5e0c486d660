"""Class bodies: nested, conditional, with loops; metaclasses, hooks, descriptors, operators called from C."""


class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **options):
        return {"prepared": name}

    def __new__(mcs, name, bases, namespace, **options):
        namespace["options"] = sorted(options)
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)

    def __call__(cls, *args):
        made = super().__call__(*args)
        return made


class Field:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self.name, 0)

    def __set__(self, instance, value):
        setattr(instance, self.name, value)


class Outer(
    metaclass=Meta,
    color="red",
):
    """A docstring
    over lines."""

    class Inner:
        class Innermost:
            depth = 3

            def name(self): return "innermost"

        depth = 2
        for depth in range(3):
            pass

    if Inner.depth == 2:
        def chosen(self):
            return "then"
    else:
        def chosen(self):
            return "else"

    width: int = 3
    field = Field()

    def __init__(self, width=2):
        self.width = width
        self.field = width * 2

    def __init_subclass__(
        cls,
        **options
    ):
        print("subclass", cls.__name__)

    def __eq__(self, other):
        return self.width == other.width

    def __hash__(self):
        return hash(self.width)

    def __lt__(self, other):
        return self.width < other.width

    def __getattr__(self, name):
        if name.startswith("made_"):
            return name[5:]
        raise AttributeError(name)

    def __len__(self):
        return self.width

    def __getitem__(self, index):
        if index >= self.width:
            raise IndexError
        return index

    def __contains__(self, item):
        return item == 1

    def __call__(self): return self.width

    def __repr__(self):
        return f"<{self.width}>"


class Child(Outer, weight=1):
    __slots__ = ()

    def __init__(self, width):
        super().__init__(width)

    @property
    def twice(self):
        return self.width * 2


def local():
    class Local(Child, size=3):
        value = [n for n in range(3)]

        def get(self):
            return __class__, self.value
    return Local(4).get()[1]


items = [Child(n) for n in (3, 1, 2)]
print(sorted(items), max(items), {Child(1): 1}[Child(1)], Child(2) in items)
print(list(items[0]), 1 in items[0], len(items[0]), bool(items[0]), items[0](), items[0].twice, items[0].field)
print(items[0].made_up, getattr(items[0], "other", "none"), Outer.prepared, Child.options, Child.field.name)
print(Outer.Inner.Innermost().name(), items[0].chosen(), local(), Outer.__doc__)
