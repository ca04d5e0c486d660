"""greenlet and gevent: counts of greenlets that were suspended before trace(), stacks of the one that runs."""
import pytest

import oracle
from live import Program, calls

pytest.importorskip("greenlet", reason="no greenlet for this Python")

SUSPENDED = """# start: itself
import counting
import greenlet

def helper(n):
    seen = n
    back.switch(seen)
    return seen

def body():
    total = 0
    for i in range(3):
        total += helper(i)
        back.switch(total)
    return total

class Named(greenlet.greenlet):
    pass

back = greenlet.getcurrent()
waiting = [greenlet.greenlet(body), Named(body), greenlet.greenlet(body)]
for one in waiting:
    one.switch()
counting.start()
late = Named(body)
waiting.append(late)
while waiting:
    for one in list(waiting):
        print(one.switch())
        if one.dead:
            waiting.remove(one)
"""


def test_counts_of_greenlets_equal_the_oracle(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(SUSPENDED)
    runs = oracle.run_job(oracle.Job([program], files=[program], start="itself"), tmp_path)
    assert runs["shm"].stdout == runs["plain"].stdout and runs["shm"].stderr == runs["plain"].stderr
    oracle.assert_equal_counts(runs["oracle"].counts, runs["shm"].counts)


ELSEWHERE = """# start: itself
import counting
import untraced

def body():
    for i in range(5):
        seen = i
        back.switch(seen)
        seen += 1

def main():
    global back, greenlet
    import greenlet
    back = greenlet.getcurrent()
    untraced.spin([greenlet.greenlet(body) for _ in range(3)])

counting.start()
main()
main()
"""


def test_switches_of_untraced_code(tmp_path):
    """On 3.11, too, where untraced code runs without events: a switch to a greenlet hands over whether there are any."""
    program = tmp_path / "program.py"
    program.write_text(ELSEWHERE)
    (tmp_path / "untraced.py").write_text("""
def spin(greenlets):
    while not all(one.dead for one in greenlets):
        for one in greenlets:
            one.switch()
""")
    runs = oracle.run_job(oracle.Job([program], files=[program], start="itself"), tmp_path)
    assert runs["shm"].stdout == runs["plain"].stdout and runs["shm"].stderr == runs["plain"].stderr
    oracle.assert_equal_counts(runs["oracle"].counts, runs["shm"].counts)


def test_stack_of_the_running_greenlet(tmp_path):
    with Program(tmp_path, """
import greenlet
def deeper(n):
    if n:
        deeper(n - 1)
    else:
        back.switch()
def other():
    ready()
    wait()
heartrate_shm.trace()
back = greenlet.getcurrent()
suspended = [greenlet.greenlet(deeper) for _ in range(10)]
for one in suspended:
    one.switch(50)
greenlet.greenlet(other).switch()
""") as program:
        program.facts()
        # A greenlet's stack begins with itself: what switched to it goes on elsewhere.
        program.row("MainThread", lambda row: [name for name, _ in calls(row)] == ["other", "wait"])


def test_gevent_under_trace(tmp_path):
    pytest.importorskip("gevent", reason="no gevent for this Python")
    with Program(tmp_path, """
from gevent import monkey
monkey.patch_all()
import gevent
heartrate_shm.trace()
def work(n):
    for i in range(200):
        gevent.sleep(0.001)
    return n
end = time.time() + 2
total = 0
while time.time() < end:
    total += sum(job.get() for job in [gevent.spawn(work, i) for i in range(10)])
print(total > 0 and total % 45)
""", options=["-X", "dev"]) as program:
        code, out, err = program.end()
        assert (code, out) == (0, "0\n"), err
