"""Children made by fork: the parent's counts stay its own. (Newer Pythons warn of forking with threads: none may run.)"""
import os
import sys


def work(n):
    for i in range(n):
        pass
    return n


def child(code):
    work(100)
    os._exit(code)


work(3)
for code in range(3):
    pid = os.fork()
    if pid == 0:
        child(code)
    print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
    work(2)
sys.stdout.flush()
pid = os.fork()
if not pid:
    work(5)
    sys.exit(7)
print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
try:
    os.wait()
except ChildProcessError:
    print("no child is left")
