"""The root of every error that a user can meet; it makes a leaf of a docstring, facts and words."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(eq_default=False, kw_only_default=True)
@dataclass(eq=False, kw_only=True)
class LinkdError(Exception):
    """Something went wrong.

    A subclass is a dataclass whose fields are the facts. The first line of its docstring is its
    title, the rest says when it happens. Renaming it would change its code, which is for ever.
    """

    code: ClassVar[str] = "error"
    """The class's name in kebab-case."""
    title: ClassVar[str] = "Something went wrong"
    is_group: ClassVar[bool] = True
    """Whether it is only there to be caught, and is never raised itself."""

    sentence: ClassVar[str] = "{title}"
    """What `detail` is made of: members by their names, ``{reasons:; }`` for a joined tuple."""
    advice: ClassVar[str | None] = None
    """What `hint` is made of, in the same way."""

    def __init_subclass__(cls, *, group: bool = False) -> None:
        super().__init_subclass__()
        title, _, _ = inspect.cleandoc(cls.__doc__ or cls.__name__).partition("\n")
        cls.title = title.removesuffix(".")
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        cls.is_group = group
        dataclass(eq=False, kw_only=True)(cls)

    @property
    def detail(self) -> str:
        """One sentence: what was asked and what is wrong with it."""
        return self.sentence.format_map(_Words(self))

    @property
    def hint(self) -> str | None:
        """What to do about it, where there is something to do."""
        return None if self.advice is None else self.advice.format_map(_Words(self))

    @property
    def place(self) -> str | None:
        """Where in the input it is, such as ``requirements.txt:12``."""
        return None

    def __str__(self) -> str:
        return self.detail

    def facts(self) -> Iterator[tuple[str, object]]:
        """The error's own fields, and its place, for the problem document."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)
        if self.place is not None:
            yield "place", self.place


@dataclass(slots=True)
class _Words:
    """An error's members for its templates."""

    error: LinkdError

    def __getitem__(self, name: str) -> Any:
        value = getattr(self.error, name)
        return _Joined(value) if isinstance(value, tuple) else value


class _Joined(tuple[str, ...]):
    """A tuple whose format specification is what stands between its items."""

    __slots__ = ()

    def __format__(self, separator: str) -> str:
        return separator.join(self)
