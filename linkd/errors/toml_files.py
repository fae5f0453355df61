"""What the errors of lock files and projects have in common: a place in a TOML file."""

from linkd.errors.requests import RequestError


class InvalidTomlFile(RequestError, group=True):
    """A TOML file cannot be used."""

    sentence = "{place}: {reason}"

    path: str
    reason: str
    within: str | None = None
    """The table or member, such as ``packages[3].wheels[0]``; for its syntax, the line's number."""

    @property
    def place(self) -> str:
        if self.within is None:
            return self.path
        return f"{self.path}{':' if self.within.isdecimal() else ' '}{self.within}"
