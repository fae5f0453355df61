"""One transaction: all of a request's distributions come into the environment, or none.

The order makes every listed distribution complete at every moment: what goes is unlisted first
(its dist-info is moved out), then files come and go, and the dist-info of what comes is last.
"""

import contextlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from packaging.utils import NormalizedName

from linkd.core.bytecode import CACHE_FOLDER, compiled_paths, source_of
from linkd.core.progress import Phase, Progress, Reporter
from linkd.core.receipt import KeptFile
from linkd.core.target import SchemeKey
from linkd.errors import (
    CacheUnusable,
    GraftFailed,
    LinkdError,
    NoSpace,
    is_no_space,
    reason_of,
)
from linkd.link.beneath import Step
from linkd.link.blueprint import DIST_INFO
from linkd.link.change import Change, Outcome, opened_prefix
from linkd.link.footprint import Roots, ancestors
from linkd.link.graft import Graft
from linkd.link.journal import Coming, Purpose, Takes
from linkd.link.ledger import Standing
from linkd.link.path_lines import PathLines
from linkd.link.removal import Removal, holds_only, is_bytecode_of, remove
from linkd.link.stage import StagedTree
from linkd.link.stager import Stager
from linkd.link.strays import REPLACED_FILES, keep_replaced
from linkd.link.traffic import Traffic
from linkd.link.workspace import Workspace
from linkd.store.bytecode import BytecodeShelf


@dataclass
class _Work:
    change: Change
    standing: Standing
    workspace: Workspace
    graft: Graft
    roots: Roots
    traffic: Traffic
    path_lines: PathLines
    bytecode: BytecodeShelf
    trees: list[StagedTree] = field(default_factory=list)

    @cached_property
    def came(self) -> frozenset[str]:
        """Everything that has come, with its bytecode."""
        paths = set().union(*(footprint.paths for footprint in self.standing.coming.values()))
        for tree in self.trees:
            if tree.bytecode is not None:
                compiled = self.bytecode.read(tree.manifest.sha256, tree.bytecode)
                files = compiled.manifest.files if compiled is not None else ()
                paths.update(self.roots[file.scheme] + file.destination for file in files)
        return frozenset(paths)


@dataclass(slots=True)
class Course:
    """What the thread of a transaction and those who wait for it tell each other."""

    stop: threading.Event = field(default_factory=threading.Event)
    """Set from outside: ends it until the first file moves in the environment."""
    workspace: Workspace | None = None
    """To be discarded by those who wait, when all is settled: until then a daemon that is killed
    undoes the transaction at its next start."""


class Abandoned(Exception):
    """Nobody wants the change any more, and nothing of it has been done."""


def carry_out(
    change: Change,
    standing: Standing,
    stager: Stager,
    reporter: Reporter,
    course: Course,
) -> Outcome:
    """Stage and graft. Runs in a thread.

    Once the first file has moved in the environment it goes to its end. Raises Abandoned where
    it has been stopped before, and LinkError, TargetError or StoreError; the environment is then
    as it was before.
    """
    target = change.target
    workspace = course.workspace = stager.workspaces.open(target, change.policy)
    try:
        standing.keep_journal(workspace.journal)
    except OSError as error:
        raise CacheUnusable(path=workspace.journal.folder, reason=reason_of(error)) from error
    with opened_prefix(target) as prefix_fd:
        graft = Graft(str(target.prefix), prefix_fd, workspace.rename, journal=workspace.journal)
        roots = Roots.of(target)
        traffic = Traffic.of(
            [addition.wheel.manifest for addition in change.additions], standing, roots
        )
        path_lines = PathLines(graft, workspace.path)
        work = _Work(
            change, standing, workspace, graft, roots, traffic, path_lines, stager.bytecode
        )
        graft.likely = lambda folder: _is_swap_likely(work, folder)
        graft.swaps = lambda folder: _may_swap(work, folder)
        started = time.perf_counter()
        _stage_all(work, stager, reporter, course.stop)
        staged = time.perf_counter()
        reporter.report(Progress(Phase.GRAFT, "", 0, len(change.additions)))
        kept = _graft_all(work)
    grafted = time.perf_counter()
    return Outcome(
        trees=tuple(work.trees),
        kept_files=kept,
        orders=stager.orders(change.additions, target, workspace),
        fallback=workspace.choice.fallback,
        stage_ms=(staged - started) * 1e3,
        graft_ms=(grafted - staged) * 1e3,
    )


def _stage_all(work: _Work, stager: Stager, reporter: Reporter, stop: threading.Event) -> None:
    additions = work.change.additions
    reporter.report(Progress(Phase.STAGE, "", 0, len(additions)))
    work.trees = stager.stage_all(
        additions, work.change.target, work.workspace, partial(_check, stop)
    )
    _drop_losers(work)
    _check(stop)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Abandoned


def _drop_losers(work: _Work) -> None:
    """Leave one source for each path: what is not kept is not grafted at all."""
    lost: dict[NormalizedName, list[str]] = defaultdict(list)
    for collision in work.change.collisions:
        for name in collision.distributions:
            if name != collision.kept:
                lost[name].append(collision.path)
    for number, tree in enumerate(work.trees):
        if tree.manifest.name not in lost:
            continue
        dropped = [_drop(tree, path, work.roots) for path in lost[tree.manifest.name]]
        if tree.bytecode is not None:
            for path in compiled_paths(lost[tree.manifest.name], tree.bytecode):
                _drop(tree, path, work.roots)
        work.trees[number] = replace(tree, links=tree.links - sum(dropped))


def _drop(tree: StagedTree, path: str, roots: Roots) -> bool:
    """Take a file out of a staged tree; whether it was there."""
    there = False
    for part in tree.parts:
        root = roots[part]
        if not path.startswith(root):
            continue
        staged = os.path.join(tree.path, part, path[len(root) :])
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(staged)
            there = True
            # An empty folder must never become visible in the environment.
            with contextlib.suppress(OSError):
                while (staged := os.path.dirname(staged)) != os.path.join(tree.path, part):
                    os.rmdir(staged)
    return there


def _graft_all(work: _Work) -> tuple[KeptFile, ...]:
    """Everything that the environment sees, in its order; all of it, or it is undone."""
    try:
        _state_purpose(work)
        _unlist(work)
        _make_way(work)
        _announce(work)
        for part in SchemeKey:
            _publish(work, part, part)
        _remove_leftovers(work)
        _remove_stale(work)
        kept = keep_replaced(work.graft, work.workspace, partial(_is_recorded, work))
        for scheme in (SchemeKey.PURELIB, SchemeKey.PLATLIB):
            _publish(work, DIST_INFO, scheme)
    except BaseException as error:
        left = (*work.graft.undo(_kept_in_undo(work)), *work.path_lines.put_back())
        if left or isinstance(error, OSError):
            raise _failure(work, error, left) from error
        raise
    return kept


def _is_recorded(work: _Work, path: str) -> bool:
    source = source_of(path)
    if source is not None and (source in work.came or work.standing.was_recorded(source)):
        return True
    return path in work.traffic.going or work.standing.was_recorded(path)


def _kept_in_undo(work: _Work) -> Callable[[str], bool]:
    """What stays when the rest is taken back: what is not of this request, or not of it alone."""
    own = frozenset().union(*(footprint.paths for footprint in work.standing.coming.values()))
    folders = (
        f"{REPLACED_FILES}/",
        *(f"{work.roots[tree.dist_info_scheme]}{tree.manifest.dist_info}/" for tree in work.trees),
    )

    def keep(path: str) -> bool:
        ours = path.startswith(folders) or path in own or is_bytecode_of(path, own)
        return not ours or bool(work.standing.left_to_others([path]))

    return keep


def _publish(work: _Work, part: str, scheme: SchemeKey) -> None:
    """One of the staged folders, of all trees that have it for the scheme's folder."""
    staged = [
        (f"{tree.path}/{part}", tree.manifest.name)
        for tree in work.trees
        if (part in tree.parts or (part == DIST_INFO and scheme is tree.dist_info_scheme))
    ]
    if staged:
        work.graft.publish_all(staged, work.roots[scheme].rstrip("/"))


def _failure(work: _Work, error: BaseException, left: tuple[str, ...]) -> LinkdError:
    environment = str(work.change.target.prefix)
    if not isinstance(error, OSError):
        return GraftFailed(environment=environment, path=left[0], reason=str(error), left=left)
    path = str(error.filename or environment)
    if is_no_space(error) and not left:
        return NoSpace(path=path, doing="changing the environment")
    return GraftFailed(environment=environment, path=path, reason=reason_of(error), left=left)


def _state_purpose(work: _Work) -> None:
    """For the journal, which has it with the first of what is to be done."""
    work.workspace.journal.purpose = Purpose(
        began=time.time(),
        coming=tuple(
            Coming(
                name=tree.manifest.name,
                version=tree.manifest.version,
                root=work.roots[tree.dist_info_scheme],
                dist_info=tree.manifest.dist_info,
                staged=os.path.join(tree.path, DIST_INFO, tree.manifest.dist_info),
            )
            for tree in work.trees
        ),
        going=tuple((gone.name, str(gone.version)) for gone in work.change.removals),
    )


def _unlist(work: _Work) -> None:
    """Move out the dist-info of what goes: from here on it is not installed any more."""
    out = os.path.join(work.workspace.path, "unlisted")
    os.mkdir(out)
    going = [one for gone in work.change.removals for one in gone.installations]
    for one in going:
        work.path_lines.take_out(one)
    unlisted: list[tuple[str, str]] = []
    for number, gone in enumerate(going):
        location = os.path.relpath(gone.location, work.change.target.prefix)
        path = os.path.normpath(os.path.join(location, gone.dist_info))
        unlisted.append((path, os.path.join(out, str(number))))
    if unlisted:
        work.graft.tell(Takes(path, aside) for path, aside in unlisted)
    for path, aside in unlisted:
        work.graft.move_out(path, aside)


def _announce(work: _Work) -> None:
    """Have all that comes on record at once.

    The dist-info of it last, so that it is the first to be undone.
    """
    files = [
        (os.path.join(tree.path, part), work.roots[part].rstrip("/"))
        for part in SchemeKey
        for tree in work.trees
        if part in tree.parts
    ]
    lists = [
        (os.path.join(tree.path, DIST_INFO), work.roots[tree.dist_info_scheme].rstrip("/"))
        for tree in work.trees
    ]
    if files or lists:
        work.graft.tell(work.graft.announcing([*files, *lists]))


def _make_way(work: _Work) -> None:
    """Move out files that go where folders come, and what goes where files come."""
    removals: list[Removal] = []
    for gone in work.change.removals:
        going = work.standing.going[gone.name].paths
        blocking = set(filter(work.traffic.blocks, going))
        if blocking:
            removals.append(_removal(work, blocking, f"way-{gone.name}"))
    remove(work.graft, removals)


def _remove_leftovers(work: _Work) -> None:
    """Move out the recorded files of what goes, but for those that just came."""
    removals: list[Removal] = []
    swapped = {move.path for move in work.graft.moves if move.step is Step.SWAPPED}
    for gone in work.change.removals:
        going = {
            path
            for path in work.standing.going[gone.name].paths
            if swapped.isdisjoint(ancestors(path)) and not work.traffic.blocks(path)
        }
        removals.append(_removal(work, going, f"gone-{gone.name}"))
    remove(work.graft, removals)


def _remove_stale(work: _Work) -> None:
    """Move out what was compiled from modules that others have, or nobody, and that were replaced."""
    replaced = {
        move.path
        for move in work.graft.moves
        if move.step is Step.EXCHANGED and move.path.endswith(".py")
    } - work.traffic.going
    if replaced:
        aside = os.path.join(work.workspace.path, "stale")
        os.mkdir(aside)
        removal = Removal(
            work.graft,
            frozenset(),
            aside,
            alone=lambda _folder: False,
            fixed=work.roots.fixed,
            replaced=replaced,
            kept=work.came,
        )
        remove(work.graft, [removal])


def _removal(work: _Work, paths: set[str], name: str) -> Removal:
    replaced = paths & work.traffic.coming
    needed = work.standing.left_to_others(paths - replaced)
    aside = os.path.join(work.workspace.path, name)
    os.mkdir(aside)
    return Removal(
        work.graft,
        frozenset(paths - replaced - needed),
        aside,
        alone=lambda folder: work.traffic.quiet(folder) and work.standing.alone(folder),
        fixed=work.roots.fixed,
        passing=work.roots.passing,
        replaced=replaced,
        kept=work.came if replaced else (),
    )


def _is_swap_likely(work: _Work, folder: str) -> bool:
    """Whether a folder is nobody's but that of what goes and comes.

    One into which two staged folders go is not swapped: the second would take out the first.
    """
    # Nobody claims bytecode by its path, so nobody can tell whose a folder of it is.
    if os.path.basename(folder) == CACHE_FOLDER:
        return False
    if not work.change.removals or not work.standing.alone(folder):
        return False
    return work.traffic.single(folder)


def _may_swap(work: _Work, folder: str) -> bool:
    """Whether a folder that is there holds nothing but files of what goes."""
    going = work.traffic.going
    return _is_swap_likely(work, folder) and holds_only(work.graft, folder, going)
