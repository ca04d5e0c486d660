"""Loops: for and while with else, break and continue, nested, on one line, over several lines."""


def search(numbers, wanted):
    for i, number in enumerate(numbers):
        if number == wanted:
            break
    else:
        return -1
    return i


def evens(limit):
    found = []
    n = 0
    while n < limit:
        n += 1
        if n % 2:
            continue
        found.append(n)
    else:
        found.append("end")
    return found


def nested():
    total = 0
    for i in range(10):
        for j in range(i):
            for k in range(j):
                total += k
            if j == 5:
                break
        else:
            total += 1
    return total


def one_line():
    n = 50
    while n: n -= 1
    for n in range(30): pass
    for n in range(30): n += 1; n += 2
    while True: break
    return n


def long_header():
    n = 0
    total = 0
    while (
        n < 20
        and total < 1000
        and not (
            n == 15
        )
    ):
        n += 1
        total += n
    for a, b in zip(
        range(5),
        reversed(
            range(5)
        ),
    ):
        total += a * b
    return total


def endless():
    n = 0
    while 1:
        n += 1
        if n > 100:
            return n


def only_body():
    for _ in range(3):
        for _ in range(3):
            pass


print(search([1, 2, 3], 3), search([1, 2, 3], 4))
print(evens(11), nested(), one_line(), long_header(), endless(), only_body())
for letter in "module":
    if letter == "d":
        continue
    print(letter, end=" ")
print()
