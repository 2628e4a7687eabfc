"""Which Hub to ask, as whom, and where to keep what it sends."""

from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import constants


@dataclass(frozen=True)
class Remote:
    """Which Hub to ask, as whom, and where to keep what it sends.

    Args:
        endpoint: address of the Hub, None for huggingface_hub's own setting (``HF_ENDPOINT``).
        cache: folder, None for huggingface_hub's own setting (``HF_HOME``).
        token: of the user; None for the one that is logged in on this machine, False for nobody.
    """

    endpoint: str | None = None
    cache: Path | None = None
    token: str | bool | None = field(default=None, repr=False)

    @property
    def downloads(self) -> Path:
        """Folder of huggingface_hub's cache."""
        return Path(constants.HF_HUB_CACHE) if self.cache is None else self.cache

    @property
    def converted(self) -> Path:
        """Folder of converted bases and domains, beside the downloads."""
        return self.downloads.parent / "3d-domain-adapter"

    @property
    def address(self) -> str:
        """Address of the Hub, without a slash at the end."""
        return (self.endpoint or constants.ENDPOINT).rstrip("/")
