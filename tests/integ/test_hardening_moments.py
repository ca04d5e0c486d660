"""Code of the program that stops the tracer, or begins one, just where one begins or ends."""
import pytest

from hardening import environment
from test_hardening_reentry import program


@pytest.mark.parametrize("again", ["", "heartrate_shm.trace(lambda path: True)"])
def test_an_audit_hook_that_stops_the_tracer(tmp_path, again):
    """Where it begins, and where it is being stopped already."""
    program(tmp_path, """
armed = []
def audit(event, args):
    if armed and event in ("sys.settrace", "sys.monitoring.register_callback"):
        armed.clear()
        heartrate_shm.stop()
        %s
sys.addaudithook(audit)
for i in range(3):
    for function in lambda: heartrate_shm.trace(lambda path: True), heartrate_shm.stop:
        armed.append(1)
        function()
        armed.clear()
        print(made("one")())
        sys.settrace(None)
    heartrate_shm.stop()
    print(made("two")())
""" % again)


@pytest.mark.parametrize("does", ["heartrate_shm.stop()", "heartrate_shm.trace(lambda path: False)"])
def test_finalizers_that_run_where_tracing_begins(tmp_path, does):
    program(tmp_path, """
import gc
armed = []
class Garbage:
    def __init__(self): self.me = self
    def __del__(self):
        if armed:
            armed.clear()
            %s
for threshold in range(1, 60):
    gc.collect()
    gc.disable()
    Garbage()
    armed.append(1)
    gc.set_threshold(threshold)
    gc.enable()
    heartrate_shm.trace(lambda path: True)
    armed.clear()
    gc.set_threshold(700)
    heartrate_shm.stop()
print(made("one")())
""" % does)


ENVIRONMENTS = {
    "keys": """
class Environment(dict):
    def keys(self):
        heartrate_shm.stop()
        return dict.keys(self)
environment = Environment(A="1")
""",
    "value": """
class Path:
    def __fspath__(self):
        heartrate_shm.stop()
        return "/nowhere"
environment = {"PYTHONPATH": Path()}
""",
}


@pytest.mark.parametrize("which", ENVIRONMENTS)
def test_an_environment_that_stops_the_tracer(tmp_path, which):
    program(tmp_path, ENVIRONMENTS[which] + """
heartrate_shm.trace(lambda path: True, children=True)
print(os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], environment), 0)[1])
""")


def test_an_import_that_stops_the_tracer(tmp_path):
    """The next one does not know of the children that the first was to trace."""
    program(tmp_path, """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "_posixsubprocess":
            heartrate_shm.stop()
sys.meta_path.insert(0, Finder())
sys.modules.pop("_posixsubprocess", None)
heartrate_shm.trace(lambda path: True, children=True)
heartrate_shm.trace(lambda path: True)
pid = os.fork()
if pid == 0:
    os._exit(any(".%d." % os.getpid() in name for name in os.listdir("/dev/shm")))
print(os.waitpid(pid, 0)[1], os.system("true"))
""")


def test_frames_on_twins_that_end_while_the_next_tracer_asks_about_them(tmp_path):
    program(tmp_path, """
import time
text = '''
def loop(go):
    while not go.is_set():
        pass
'''
go, armed = threading.Event(), []
threads = [threading.Thread(target=made("hot%d" % i, text, "loop"), args=(go,)) for i in range(6)]
def files(path):
    if armed and path.startswith("hot"):
        armed.clear()
        go.set()
        for thread in threads: thread.join()
        heartrate_shm.stop()
    return True
heartrate_shm.trace(files)
for thread in threads: thread.start()
time.sleep(0.1)  # they become hot
heartrate_shm.stop()
armed.append(1)
heartrate_shm.trace(files)
go.set()
for thread in threads: thread.join()
print("done")
""", env=environment(PYTHONMALLOC="debug"))


PROBED = dict(HEARTRATE_SHM_COUNT="probes", MALLOC_PERTURB_="165")  # memory that was given back is filled


@pytest.mark.parametrize("again", ["", "; heartrate_shm.trace(lambda path: True)"])
def test_finalizers_of_hot_code(tmp_path, again):
    """It ends with its twin, when many have gathered."""
    program(tmp_path, """
import weakref
kept = []
def gone():
    heartrate_shm.stop() %s
heartrate_shm.trace(lambda path: True)
for number in range(200):
    function = made("hot")
    function(), function(), function()
    if number %% 3 == 1: weakref.finalize(function.__code__, gone)
    if number %% 3 == 2: kept.append(function)
print("end")
""" % again, env=environment(**PROBED))


def test_finalizers_that_run_where_tracing_ends(tmp_path):
    """Of code whose twin ends then; what they call had a twin as well, which has ended already."""
    program(tmp_path, """
import gc, weakref
heartrate_shm.trace(lambda path: True)
def called():
    return 1
def gone():
    called(), called(), called()
def hot():
    return 1
for function in hot, gone, hot, gone, hot: function()
for i in range(3):
    function = made("hot")
    function(), function(), function()
    weakref.finalize(function.__code__, gone)
del function
gc.collect()
heartrate_shm.stop()
for i in range(5): gone()
print("end")
""", env=environment(**PROBED))


def test_a_calling_file_whose_name_stops_the_tracer(tmp_path):
    program(tmp_path, """
class Liar(str):
    def __hash__(self):
        heartrate_shm.stop()
        return 1
    def __eq__(self, other): return True
def f():
    heartrate_shm.trace(lambda path: False)
g = types.FunctionType(f.__code__.replace(co_filename=Liar("odd")), globals())
for i in range(20):
    heartrate_shm.trace(lambda path: True)
    g()
    print(made("one")())
""", env=environment(PYTHONMALLOC="debug"))


@pytest.mark.parametrize("before", ["", "heartrate_shm.trace(); heartrate_shm.stop()"])
def test_no_sampler_behind_the_interpreters_end(tmp_path, before):
    """C code of the process may run on when nothing is left that the sampler could look at."""
    program(tmp_path, """
import atexit, ctypes
libc = ctypes.CDLL(None)
libc.on_exit(ctypes.cast(libc.sleep, ctypes.c_void_p), None)  # of the exit code: a second
atexit.register(lambda: heartrate_shm.trace(lambda path: True))
%s
sys.exit(1)
""" % before)
