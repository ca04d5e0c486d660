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
