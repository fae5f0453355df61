"""What is found wrong with a wheel: everything, each with the error that it would be by itself."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from linkd.errors import UnsafeWheel, WheelError

MAX_REASONS: Final = 20


class Finding(NamedTuple):
    """One thing; the text is a sentence, or the rest of one that begins with a member's name."""

    error: type[WheelError]
    text: str


@dataclass(slots=True)
class Findings:
    """All of them, in the order of finding."""

    found: list[Finding] = field(default_factory=list)

    def add(self, error: type[WheelError], text: str) -> None:
        self.found.append(Finding(error, text))

    def take(self, error: WheelError) -> None:
        """What somebody else has found."""
        self.found += [Finding(type(error), reason) for reason in error.reasons]

    def raise_for(self, filename: str) -> None:
        """Raise the first, with the texts of all; what is unsafe comes before what is broken."""
        ordered = sorted(self.found, key=lambda finding: not issubclass(finding.error, UnsafeWheel))
        reasons = [finding.text for finding in ordered]
        if len(reasons) > MAX_REASONS:
            reasons[MAX_REASONS:] = [f"and {len(reasons) - MAX_REASONS} more"]
        if ordered:
            raise ordered[0].error(filename=filename, reasons=tuple(reasons))
