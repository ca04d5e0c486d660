# start: itself
"""Counting begins deep in a call: the frames above count from their next line, loops from their next turn."""
import counting

touched = []


def start(n):
    for i in range(n):
        if i == 2:
            counting.start()
        touched.append(i)
    return (
        n
        + 1
    )


def middle():
    total = 0
    for i in range(4):
        total += i
        if i == 1:
            total += (
                start(
                    5
                )
                + len(touched)
            )
        total += 1
    try:
        return total
    finally:
        touched.append("finally")


class Body:
    before = 1
    value = middle()
    after = [
        n
        for n in range(3)
    ]

    def method(self):
        return self.after


def one_line(): touched.append("late"); return Body().method()


print(Body.value, Body.after, one_line())
for n in range(3):
    middle.__defaults__
    touched.append(n)
print(touched)
