"""docs/errors.md, made of the errors themselves: ``python -m linkd.api.reference`` writes it.

A daemon serves the same page at /docs/errors, where the `type` of each problem document points to.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Final

from linkd import errors
from linkd.api import problems
from linkd.api.examples import COMMON, OWN
from linkd.errors import DaemonError, LinkdError
from linkd_client.errors import ClientError

_GROUPS: Final[tuple[type[LinkdError], ...]] = (
    errors.RequestError,
    errors.ResolveError,
    errors.FetchError,
    errors.WheelError,
    errors.BuildError,
    errors.TargetError,
    errors.LinkError,
    errors.StoreError,
    errors.DaemonError,
)

_HEAD = """\
# Errors

<!-- Written by `make docs` from the errors in linkd/errors and client/linkd_client/errors.py. -->

What can go wrong, and what to do about it. Each error has a code that never changes. Over HTTP it is
a problem document (RFC 9457), whose `type` leads to its place on this page:

```json
{example}
```

Whatever the error, the environment is as it was before, unless the error itself says otherwise.
`place` says where in the input it is, such as `requirements.txt:12`, and further members are the
facts that the sentence is made of. The client writes the sentence and the hint to stderr and ends
with the exit code that is given here; a daemon says it in the header `Linkd-Exit`.
"""

_CLIENT_HEAD = """\
## The client's own

What `linkd-client` finds out by itself, without an answer of a daemon. It writes one line to stderr.
"""

_HTTP_HEAD = """\
## Of the interface itself

For programs that speak HTTP: the client makes none of these requests.
"""


def render() -> str:
    return "\n".join([*_head(), *_groups(), *_http(), *_client()])


def example(kind: type[LinkdError]) -> LinkdError:
    """An instance as somebody may meet it."""
    own: Mapping[str, object] = OWN.get(kind, {})
    facts: dict[str, object] = {
        field.name: own.get(field.name, COMMON.get(field.name))
        for field in fields(kind)
        if field.default is MISSING or field.name in own
    }
    return kind(**facts)


def concrete(kind: type[LinkdError] = LinkdError) -> Iterator[type[LinkdError]]:
    """Every error that can be met, in the order of the tree."""
    if not kind.is_group:
        yield kind
    for each in kind.__subclasses__():
        yield from concrete(each)


def _head() -> Iterator[str]:
    refusal = problems.refuse(example(errors.UnknownFileOption))
    yield _HEAD.format(example=refusal.problem.model_dump_json(indent=2))


def _groups() -> Iterator[str]:
    for group in _GROUPS:
        yield f"## {group.title}\n"
        yield from _table(list(concrete(group)))
        for kind in concrete(group):
            yield from _entry(kind)


def _table(kinds: Sequence[type[LinkdError]]) -> Iterator[str]:
    yield "| code | status | exit code | |\n|---|---|---|---|"
    for kind in kinds:
        told = f"[`{kind.code}`](#{kind.code})"
        yield f"| {told} | {_status(kind)} | {_exit_code(kind)} | {kind.title} |"
    yield ""


def _entry(kind: type[LinkdError]) -> Iterator[str]:
    error = example(kind)
    _, _, happens = inspect.cleandoc(kind.__doc__ or "").partition("\n")
    yield f"### {kind.code}\n"
    yield f"**{kind.title}.** {' '.join(happens.split())}\n"
    first, *rest = error.detail.splitlines()
    yield "\n".join(["```text", f"error: {first}", *(f"  {line}" for line in rest)])
    if error.hint:
        yield f"hint: {error.hint}"
    yield "```\n"


def _status(kind: type[LinkdError]) -> str:
    return "" if _is_serving(kind) else str(problems.status_of(kind))


def _exit_code(kind: type[LinkdError]) -> str:
    """A daemon that cannot start answers nobody; a client that started it then has none."""
    return (
        "1 (`linkd serve`) or 3 (the client)"
        if _is_serving(kind)
        else str(problems.exit_code_of(kind))
    )


def _is_serving(kind: type[LinkdError]) -> bool:
    return issubclass(kind, DaemonError) and problems.status_of(kind) == 500


def _http() -> Iterator[str]:
    yield _HTTP_HEAD
    for code, (status, happens) in problems.HTTP_PROBLEMS.items():
        yield f"### {code}\n\n{happens} Status {status}.\n"


def _client() -> Iterator[str]:
    yield _CLIENT_HEAD
    for kind in _client_errors():
        title, _, happens = inspect.cleandoc(kind.__doc__ or "").partition("\n")
        yield f"### {kind.code}\n"
        yield f"**{title}** {' '.join(happens.split())} Exit code {kind.exit_code}.\n"
        yield f"```text\nlinkd: {kind.example}\n```\n"


def _client_errors(kind: type[ClientError] = ClientError) -> Iterator[type[ClientError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _client_errors(each)


if __name__ == "__main__":
    sys.stdout.write(render())
