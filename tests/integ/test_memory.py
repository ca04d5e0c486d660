"""What tracing takes of memory."""
from programs import run

LINES = 20000


def test_a_program_of_20000_lines_takes_less_than_two_megabytes_more(tmp_path):
    """Memory of the process's own, private and shared: pages of executables are the system's, once for all."""
    (tmp_path / "big.py").write_text(
        "".join("def f%d():\n%s" % (number, "    a = 1\n" * 9) for number in range(LINES // 10))
        + "def run():\n    for number in range(%d):\n        globals()['f%%d' %% number]()\n" % (LINES // 10))
    program = """\
        import re, sys
        sys.dont_write_bytecode = False
        if sys.argv[1] == "traced":
            import heartrate_shm
            heartrate_shm.trace(heartrate_shm.files.path_contains("big.py"))
        import big
        if sys.argv[1] == "compiled":
            sys.exit()
        big.run()
        with open("/proc/self/status") as status:
            text = status.read()
        print(sum(int(re.search(kind + r":\\s+(\\d+)", text).group(1)) for kind in ("RssAnon", "RssShmem")))
        """
    run(tmp_path, program, "compiled")  # compiling takes much more than running, and leaves holes
    # As it ships: what a test run may want, probes for lines that are hit once, takes more.
    plain, traced = (run(tmp_path, program, way, HEARTRATE_SHM_COUNT="") for way in ("plain", "traced"))
    assert sum(traced.hits(tmp_path / "big.py").values()) >= LINES
    assert 0 < int(traced.stdout) - int(plain.stdout) < 2048, (plain.stdout, traced.stdout)
