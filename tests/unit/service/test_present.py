"""What is installed adds to the pages of a request, so it is a part of what its answers rest on."""

from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from linkd.core.installed import InstalledDistribution
from linkd.core.wheel import DistFile
from linkd.fetch.credentials import Credentials
from linkd.fetch.http import HttpClient
from linkd.fetch.metadata import MetadataReader
from linkd.fetch.pages import Indexes
from linkd.fetch.settings import IndexSettings
from linkd.service.present import PresentListings
from tests.unit.resolve.test_remembering import Wheels
from tests.unit.resolve.world import INTERPRETER

FOO = NormalizedName("foo")


async def _whole(file: DistFile) -> bytes:
    raise AssertionError(file)


async def test_what_is_installed_is_a_source(tmp_path: Path) -> None:
    """Requests of environments that hold something else do not share an answer."""
    http = HttpClient(Credentials())
    metadata = MetadataReader(http, tmp_path / "index", _whole)
    indexes = Indexes(http, tmp_path / "index", Credentials(), metadata=metadata)
    snapshot = indexes.snapshot(IndexSettings(find_links=(str(tmp_path),), no_index=True))

    def listings(version: str | None = None) -> PresentListings:
        if version is None:
            return PresentListings(Wheels(snapshot), {}, INTERPRETER)
        present = InstalledDistribution(
            name=FOO,
            version=Version(version),
            location=str(tmp_path),
            dist_info=f"foo-{version}.dist-info",
        )
        return PresentListings(Wheels(snapshot), {FOO: present}, INTERPRETER)

    assert listings().sources == (str(tmp_path),)
    assert len({listings().sources, listings("1.0").sources, listings("2.0").sources}) == 3
    await listings("1.0").look()
    assert listings("1.0").known_state(FOO) == await listings().state(FOO)
    page = await listings("1.0").project(FOO)
    assert [file.filename for file in page.files] == ["foo-1.0-cp312-cp312-linux_x86_64.whl"]
    await http.close()
