"""Other tools may tie something to code objects too (PEP 523's co_extra)."""
from programs import run


def test_code_that_only_another_tool_has_tied_something_to(tmp_path):
    """The interpreter then asks us to free a NULL of ours."""
    program = run(tmp_path, """\
        import ctypes, sys
        import heartrate_shm
        new = sys.version_info >= (3, 12)
        request = getattr(ctypes.pythonapi, ("PyUnstable_Eval_" if new else "_PyEval_") + "RequestCodeExtraIndex")
        set_extra = getattr(ctypes.pythonapi, ("PyUnstable_Code_" if new else "_PyCode_") + "SetExtra")
        request.restype, request.argtypes = ctypes.c_ssize_t, [ctypes.c_void_p]
        set_extra.argtypes = [ctypes.py_object, ctypes.c_ssize_t, ctypes.c_void_p]
        later = request(None)
        for _ in range(10):
            code = compile("x = 1", "<text>", "exec")
            assert set_extra(code, later, 1) == 0
            del code
        print("alive")
        """)
    assert program.stdout == "alive\n"


def test_code_that_comes_and_goes(tmp_path):
    """What is known of thousands of code objects ends with each, in any order, and nobody's hits become another's."""
    (tmp_path / "many.py").write_text("def f(): return 1\n" * 300)
    program = run(tmp_path, """\
        import collections, os, random
        import heartrate_shm
        heartrate_shm.trace(heartrate_shm.files.path_contains("many.py"))
        many = os.path.join(os.path.dirname(os.path.abspath(__file__)), "many.py")
        chance = random.Random(1)
        functions, expected = [], collections.Counter()
        for step in range(30000):
            if len(functions) < chance.choice((10, 3000)):
                line = chance.randrange(1, 301)
                names = {}
                exec(compile("\\n" * (line - 1) + "def f(): return 1", many, "exec"), names)
                functions.append((line, names["f"]))
                expected[line] += 1
            else:
                at = chance.randrange(len(functions))
                functions[at] = functions[-1]
                functions.pop()
            if functions:
                line, function = chance.choice(functions)
                function()
                expected[line] += 1
        print(dict(expected))
        """)
    assert program.hits(tmp_path / "many.py") == eval(program.stdout)
