from typing import Any, Callable, Optional

from . import files as files

__version__: str
__all__ = ["Trace", "files", "stop", "trace"]

class Trace:
    @property
    def active(self) -> bool: ...
    @property
    def segment(self) -> Optional[str]: ...
    def stop(self) -> None: ...
    def __enter__(self) -> Trace: ...
    def __exit__(self, *exc_info: object) -> None: ...

def trace(
    files: Callable[[str], bool] = ...,
    port: int = ...,
    host: str = ...,
    browser: bool = False,
    daemon: bool = False,
    *,
    threads: bool = True,
    children: bool = False,
    name: Optional[str] = None,
    size: int = ...,
) -> Trace: ...
def stop() -> None: ...
def load_ipython_extension(ipython: Any) -> None: ...
