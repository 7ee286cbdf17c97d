"""What reading one file may cost."""

from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one file. What is larger or slower ends with a reason."""

    octets: int = 50 * MB
    pages: int = 2_000
    cpu_s: int = 60
    """Of processor time; of waiting, twice as long and five seconds."""
    memory_bytes: int = 1024 * MB
    """Of address space."""
    characters: int = 50 * MB
    """Of the text that comes out."""

    @property
    def wall_s(self) -> float:
        """How long to wait at most."""
        return 2.0 * self.cpu_s + 5
