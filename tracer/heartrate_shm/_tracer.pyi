from typing import Callable, List, Optional

DEFAULT_SIZE: int

def start(
    files: Callable[[str], bool],
    caller: Optional[str],
    name: bytes,
    argv: bytes,
    executable: bytes,
    cwd: bytes,
    size: int,
    only_this_thread: bool,
) -> None: ...
def add(files: Callable[[str], bool], caller: Optional[str]) -> None: ...
def stop() -> None: ...
def segment() -> Optional[str]: ...
def launch(argv: List[bytes], environ: List[bytes]) -> None: ...
