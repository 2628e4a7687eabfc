"""One style image or one line of text in, a new 3D world of faces out."""

from typing import TYPE_CHECKING, Any

from adapter.utils.memory import keep_freed
from adapter.utils.threads import choose_threads

if TYPE_CHECKING:
    from adapter.pipeline import DomainAdapter

__all__ = ["DomainAdapter"]
__version__ = "0.1.0"

choose_threads()  # OpenMP reads its variables when PyTorch is loaded
keep_freed()


def __getattr__(name: str) -> Any:
    """`DomainAdapter`, on first use: it loads PyTorch (2 s), which the app serves its first page without."""
    if name != "DomainAdapter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from adapter.pipeline import DomainAdapter

    return DomainAdapter
