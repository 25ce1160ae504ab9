import sys


class Refused(ValueError):
    """An error of our own."""

    def __init__(self, amount):
        super().__init__(f"cannot take {amount}: größer als erlaubt")
        self.add_note("a note of ours")


def inner(depth):
    if depth:
        return inner(depth - 1)
    return {}["missing"]


def outer():
    try:
        inner(5)
    except KeyError as error:
        raise Refused(12) from error


print("before", flush=True)
try:
    outer()
except Refused:
    import traceback

    traceback.print_exc(file=sys.stdout)
sys.stdout.write("no newline at the end")
(lambda: outer())()
