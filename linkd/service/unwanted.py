"""What an uninstall names: projects, by themselves or by requirements, as pip and uv take them.

Of a requirement only the project counts: neither version nor extras, marker or hash. One that names
a place and no project means what was installed from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import NormalizedName

from linkd.errors import InvalidRequest
from linkd.fetch.urls import without_credentials
from linkd.resolve.lock_file import is_lock_file
from linkd.resolve.project_file import is_project_file, read_project_file
from linkd.resolve.requirement import Asked, parse_requirement
from linkd.resolve.requirement_file import read_requirement_files
from linkd.service.ports import Installed
from linkd.service.request import UninstallRequest
from linkd.venv.installed import read_details


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    names: frozenset[NormalizedName]
    """As they were named."""
    places: tuple[Asked, ...]
    """Requirements that do not tell their project."""
    asked: tuple[Asked, ...]

    def named(self, installed: Installed) -> frozenset[NormalizedName]:
        """With those that were installed from the places. Reads files."""
        return self.names.union(*(self._from_there(place, installed) for place in self.places))

    def doubts(self, installed: Installed) -> Iterator[str]:
        """What may have been meant otherwise. Reads files."""
        for name in sorted(self.names - installed.keys()):
            yield f"{name} is not installed"
        yield from self._other_versions(installed)
        for place in self.places:
            if not self._from_there(place, installed):
                yield f"nothing is installed from {place.text}"

    def _other_versions(self, installed: Installed) -> Iterator[str]:
        for asked in self.asked:
            present = installed.get(asked.name)
            if present is None or asked.specifier.contains(present.version, prereleases=True):
                continue
            yield f"{present.name} {present.version} goes, though {asked.text} was named"

    def _from_there(self, place: Asked, installed: Installed) -> frozenset[NormalizedName]:
        url = without_credentials(place.url or "")
        origins = {name: read_details(present).direct_url for name, present in installed.items()}
        return frozenset(
            name for name, origin in origins.items() if origin is not None and origin.url == url
        )


def read_unwanted(request: UninstallRequest) -> Unwanted:
    """Raises RequestError with the place in the input."""
    projects = [file for file in request.requirement_files if is_project_file(file.path)]
    locks = [file for file in request.requirement_files if is_lock_file(file.path)]
    if locks:
        raise InvalidRequest(
            reason=f"{locks[0].path} is a lock file: it does not say what shall go",
            remedy="name the distributions",
        )
    plain = [file for file in request.requirement_files if file not in projects]
    files = read_requirement_files(plain, request.constraint_files, directory=request.directory)
    asked = (
        *(
            parse_requirement(text, origin="command line", directory=request.directory)
            for text in request.requirements
        ),
        *files.requirements,
        *(each for file in projects for each in read_project_file(file)),
    )
    if not (asked or request.names):
        raise InvalidRequest(
            reason="the files name nothing that could go", remedy="name what shall be removed"
        )
    return Unwanted(
        names=frozenset(request.names).union(each.name for each in asked if each.name),
        places=tuple(each for each in asked if not each.name),
        asked=asked,
    )
