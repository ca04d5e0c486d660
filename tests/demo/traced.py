"""traced.py SCRIPT [ARGUMENT …] — runs a script as python would, traced: the script and the files beside and below it."""
import os
import runpy
import sys

import heartrate_shm

script = os.path.abspath(sys.argv[1])
folder = os.path.dirname(script)
sys.argv = [script] + sys.argv[2:]
sys.path[0] = folder
# In the script's name, so that it is the file that called trace(), which the page opens first.
start = compile("heartrate_shm.trace(files=files)", script, "eval")
eval(start, {"heartrate_shm": heartrate_shm, "files": lambda path: path.startswith(folder + os.sep)})
runpy.run_path(script, run_name="__main__")
