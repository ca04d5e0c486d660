import modules.first

try:
    early = modules.first.whole
except AttributeError:
    early = None


def other():
    from modules import first
    return 1 if first.whole else 2
