"""An unsolvable set of requirements in words: what clashes, who wants it, and why not.

The facts are those that the solver's proof rests on; nothing else is named.
"""

import functools
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.wheel import DistFile
from linkd.errors import HashMismatch, NoCompatibleWheel, ProjectNotFound, ResolveError, Unsolvable
from linkd.resolve.admission import Selection
from linkd.resolve.listing import Absence, View, absences, wheel_tags
from linkd.resolve.proof import Edge, each_of, edges_of
from linkd.resolve.provider import Provider
from linkd.resolve.requirement import hashes_origin
from linkd.resolve.solver import Fact

_MOST_EDGES: Final = 10
_MOST_ALTERNATIVES: Final = 3
_MOST_HINTS: Final = 4
_MOST_VERSIONS: Final = 4
_SHOWN_TAGS: Final = 3


def explain(facts: Sequence[Fact], provider: Provider) -> ResolveError | HashMismatch:
    """The error that a person can act on."""
    return _Explanation(facts, provider).error()


class _Explanation:
    def __init__(self, facts: Sequence[Fact], provider: Provider) -> None:
        self._provider = provider
        self._edges = edges_of(facts, provider)
        self._blocked = {edge.name for edge in self._edges if not self._choices(edge)}
        """Projects of which even one requirement alone cannot be satisfied."""

    def error(self) -> ResolveError | HashMismatch:
        name = self._sole_culprit()
        if name is not None:
            selection = self._provider.selection(name)
            edges = [edge for edge in self._edges if edge.name == name]
            if _is_unknown(selection, edges):
                return ProjectNotFound(
                    project=name,
                    wanted_by=self._subject(edges[0]),
                    searched=selection.project.page.searched,
                )
            mismatch = self._mismatch(selection, edges)
            if mismatch is not None:
                return mismatch
            available = tuple(self._unfit(selection, edges))
            if available:
                return NoCompatibleWheel(
                    project=name,
                    wanted_by=self._subject(edges[0]),
                    available=available,
                    wanted_tags=self._provider.target.tags[:_SHOWN_TAGS],
                )
        return Unsolvable(explanation="\n".join(self._lines()))

    def _sole_culprit(self) -> NormalizedName | None:
        """The one project that cannot be had, if all the rest only leads to it."""
        if len(self._blocked) != 1:
            return None
        (name,) = self._blocked
        wanting = {(edge.name, edge.source) for edge in self._edges if edge.name != name}
        return name if len(wanting) == len({other for other, _ in wanting}) else None

    # The lines

    def _lines(self) -> Iterator[str]:
        hints = list(dict.fromkeys(self._hints()))[:_MOST_HINTS]
        constraints = list(self._constraints())
        if len(self._edges) == 1 and not constraints:
            (edge,) = self._edges
            yield f"no version of {edge.name} satisfies {self._sentence(edge)}"
        else:
            yield "these cannot all be had together:"
            sentences = list(self._sentences())
            yield from (f"  {sentence}" for sentence in sentences[:_MOST_EDGES])
            if len(sentences) > _MOST_EDGES:
                yield f"  and {len(sentences) - _MOST_EDGES} more"
            yield from (f"  {line}" for line in constraints)
        yield from hints

    def _sentences(self) -> Iterator[str]:
        """One for each requirement; one for the many that a project's releases vary in."""
        groups: dict[tuple[str, str], list[Edge]] = {}
        for edge in self._edges:
            groups.setdefault((edge.source, edge.name), []).append(edge)
        for group in groups.values():
            if len(group) <= _MOST_ALTERNATIVES:
                yield from map(self._sentence, group)
                continue
            parents = functools.reduce(operator.or_, (edge.parents for edge in group))
            newest = sorted(group, key=lambda edge: edge.parents, reverse=True)
            texts = ", ".join(edge.text for edge in newest[:_MOST_ALTERNATIVES])
            yield self._sentence(replace(newest[0], parents=parents, text=f"{texts}, …"))

    def _sentence(self, edge: Edge) -> str:
        if edge.package is None:
            return f"{edge.text!r} ({edge.origin})"
        name, extra = self._provider.split(edge.package)
        shown = f"{name}[{extra}]" if extra else name
        return f"{shown} {self._versions(name, edge.parents)} needs {edge.text}"

    def _subject(self, edge: Edge) -> str:
        if edge.package is None:
            return f"{edge.text!r} ({edge.origin})"
        name, _ = self._provider.split(edge.package)
        return f"{name} {self._versions(name, edge.parents)} ({edge.text!r})"

    def _versions(self, name: NormalizedName, mask: int) -> str:
        """A few versions by number, many as a span."""
        selection = self._provider.selection(name)
        view = selection.view
        chosen = mask & selection.selectable or mask & view.all
        versions = [version for _, version in each_of(view, chosen)]
        if len(versions) > 1 and chosen == selection.selectable:
            return "(every version)"
        if len(versions) <= _MOST_VERSIONS:
            return ", ".join(map(str, versions))
        return f"{versions[0]} … {versions[-1]}"

    def _constraints(self) -> Iterator[str]:
        """Those that exclude what would satisfy everything else."""
        for name in self._names():
            selection = self._provider.selection(name)
            constraints = self._provider.policy.constraints.get(name, ())
            common = self._common(name)
            if common & selection.selectable:
                continue
            # Where one names a URL no index was asked: nothing tells what else there would be
            if common & ~selection.constrained or any(asked.url for asked in constraints):
                for asked in constraints:
                    yield f"constraint {asked.text!r} ({asked.origin})"

    # Why a version is not there

    def _hints(self) -> Iterator[str]:
        for name in self._names():
            selection = self._provider.selection(name)
            edges = [edge for edge in self._edges if edge.name == name]
            empty = [edge for edge in edges if not self._choices(edge)]
            for edge in empty:
                if edge.url in self._provider.unsupported:
                    yield f"{name}: {self._provider.unsupported[edge.url]}"
            for group in [edges, *([edge] for edge in empty)]:
                yield from self._excluded(selection, group)
                yield from self._absent(selection, group)
            if _is_unknown(selection, edges):
                yield f"{name} was not found in {', '.join(selection.project.page.searched)}"
            elif empty:
                yield self._newest(selection)

    def _excluded(self, selection: Selection, edges: Sequence[Edge]) -> Iterator[str]:
        """Candidates that would satisfy the edges but may not be chosen; the newest of a kind."""
        view = selection.view
        mask = self._satisfying(view, edges) & view.all & ~selection.selectable
        mask &= selection.constrained
        kinds: dict[str, str] = {}
        for index, version in reversed(list(each_of(view, mask))):
            kind, text = _exclusion(selection, index)
            kinds.setdefault(kind, f"{view.name} {version} {text}")
        yield from kinds.values()

    def _absent(self, selection: Selection, edges: Sequence[Edge]) -> Iterator[str]:
        """Releases that would satisfy the edges but have no candidate; the newest of a kind."""
        kinds: dict[Absence, str] = {}
        for version, (absence, file) in self._misses(selection, edges):
            kinds.setdefault(absence, f"{selection.view.name} {version} {_absence(absence, file)}")
        yield from kinds.values()

    def _misses(
        self, selection: Selection, edges: Sequence[Edge]
    ) -> list[tuple[Version, tuple[Absence, DistFile]]]:
        """Newest first."""
        project = selection.project
        missing = absences(
            project.page, self._provider.target, project.hashes, self._provider.formats
        )
        return [
            (version, missing[version])
            for version in sorted(missing, reverse=True)
            if all(edge.specifier.contains(version, prereleases=True) for edge in edges)
        ]

    def _unfit(self, selection: Selection, edges: Sequence[Edge]) -> Iterator[str]:
        """What there is of the project, if nothing but tags, Python or lack of wheels excludes it."""
        if self._satisfying(selection.view, edges) & selection.view.all:
            for index, reason in sorted(selection.refused.items()):
                if index >= selection.view.ordered and reason.startswith("its tags"):
                    yield wheel_tags(selection.view.files[index].filename)
            return
        misses = self._misses(selection, edges)
        if any(absence is Absence.HASHES for _, (absence, _) in misses):
            return
        shown = dict.fromkeys(_offer(version, *why) for version, why in misses)
        yield from list(shown)[:_MOST_VERSIONS]

    def _mismatch(self, selection: Selection, edges: Sequence[Edge]) -> HashMismatch | None:
        """If the one version that is wanted is there, but with other hashes than required."""
        misses = self._misses(selection, edges)
        if len(misses) != 1 or self._satisfying(selection.view, edges) & selection.view.all:
            return None
        ((_, (absence, file)),) = misses
        hashes = selection.project.hashes
        algorithm = next((each for each in file.hashes if hashes.get(each)), None)
        if absence is not Absence.HASHES or algorithm is None:
            return None
        return HashMismatch(
            filename=file.filename,
            algorithm=algorithm,
            expected=" or ".join(sorted(hashes[algorithm])),
            actual=file.hashes[algorithm],
            source=hashes_origin(self._provider.policy.asked(edges[0].name)) or "a requirement",
        )

    def _newest(self, selection: Selection) -> str:
        view = selection.view
        versions = [str(version) for _, version in each_of(view, selection.selectable)]
        if not versions:
            return f"{view.name} has no version that may be chosen"
        listed = ", ".join(reversed(versions[-_MOST_VERSIONS:]))
        more = ", …" if len(versions) > _MOST_VERSIONS else ""
        return f"there is {view.name} {listed}{more}"

    # The proof

    def _names(self) -> Iterable[NormalizedName]:
        return dict.fromkeys(edge.name for edge in self._edges)

    def _choices(self, edge: Edge) -> int:
        selection = self._provider.selection(edge.name)
        allowed = selection.selectable if edge.url is None else selection.constrained
        for index in selection.refused:
            allowed &= ~(1 << index)
        return self._satisfying(selection.view, (edge,)) & allowed

    def _common(self, name: NormalizedName) -> int:
        view = self._provider.selection(name).view
        edges = [edge for edge in self._edges if edge.name == name]
        return self._satisfying(view, edges) & view.all

    def _satisfying(self, view: View, edges: Iterable[Edge]) -> int:
        mask = -1
        for edge in edges:
            if edge.url is not None:
                mask &= self._provider.url_mask(view, edge.url)
            else:
                mask &= view.candidates(edge.specifier, str(edge.specifier)).mask
        return mask


def _is_unknown(selection: Selection, edges: Iterable[Edge]) -> bool:
    """Whether no source has anything of a project that is wanted by name."""
    nothing = not selection.project.page.files and not selection.view.files
    return nothing and not any(edge.url for edge in edges)


def _exclusion(selection: Selection, index: int) -> tuple[str, str]:
    """Why a candidate may not be chosen: a word for the kind, and the rest of a sentence."""
    reason = selection.refused.get(index)
    if reason is not None:
        return "refused", f"cannot be used: {reason}"
    if selection.view.yanked >> index & 1:
        yanked = selection.view.files[index].yanked
        why = f" ({yanked})" if isinstance(yanked, str) and yanked else ""
        return "yanked", f"is yanked{why}: only an exact pin (==) admits it"
    if selection.view.prerelease >> index & 1:
        return "pre-release", "is a pre-release: --pre admits it"
    return "not admitted", "is admitted only where its URL is asked for"


def _absence(absence: Absence, file: DistFile) -> str:
    match absence:
        case Absence.PYTHON:
            return f"requires Python {file.requires_python}"
        case Absence.TAGS:
            return f"has no wheel for this environment, but for {wheel_tags(file.filename)}"
        case Absence.HASHES:
            return "has none of the required hashes"
        case Absence.SOURCE_ONLY:
            return "is there only as source, which is not built"
        case Absence.WHEEL_ONLY:
            return "is there only as a wheel, which --no-binary leaves out"
    return "cannot be read"


def _offer(version: Version, absence: Absence, file: DistFile) -> str:
    match absence:
        case Absence.PYTHON:
            return f"{version} for Python {file.requires_python}"
        case Absence.TAGS:
            return f"{version} for {wheel_tags(file.filename)}"
        case Absence.WHEEL_ONLY:
            return f"{version} only as a wheel"
    return f"{version} only as source"
