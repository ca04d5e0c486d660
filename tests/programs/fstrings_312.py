# needs: 3.12
"""f-strings as the grammar has them since 3.12: quotes, comments and line breaks inside the braces."""


def value(n): return n * 2


width = 6
print(f"{
    value(1)  # a comment
} and {
    'same quotes' f"{
        value(2)
    }"
}")
print(f"{value(
    3
):>{
    width
}}|{
    [
        value(n)
        for n in range(3)
    ]
!r}")
for n in range(3):
    print(f"{n:{
        width
    }}")
