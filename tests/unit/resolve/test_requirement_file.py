from pathlib import Path

import pytest

from linkd.errors import InvalidRequirement, InvalidRequirementFile, MissingVariable
from linkd.resolve.requirement_file import RequirementFile, RequirementSet, read_requirement_files

ONE, TWO = "1" * 64, "2" * 64


def read(
    text: str, *others: RequirementFile, constraints: tuple[RequirementFile, ...] = ()
) -> RequirementSet:
    return read_requirement_files(
        (RequirementFile("/app/requirements.txt", text), *others),
        constraints,
        directory="/cwd",
    )


def texts(found: RequirementSet) -> list[str]:
    return [asked.text for asked in found.requirements]


class TestLines:
    def test_comments_and_blank_lines(self) -> None:
        """Comments and empty lines say nothing; a # within a word is no comment."""
        url = f"https://example.org/foo-1.0-py3-none-any.whl#sha256={ONE}"
        found = read(f"# begin\n\nbar>=1 # why\n{url}\n   \n")

        assert texts(found) == ["bar>=1", url]

    def test_origin(self) -> None:
        """A requirement knows the line that it begins in."""
        found = read("\nfoo>=1,\\\n  <2\nbar\n")

        assert [asked.origin for asked in found.requirements] == [
            "/app/requirements.txt:2",
            "/app/requirements.txt:4",
        ]
        assert str(found.requirements[0].specifier) == "<2,>=1"

    def test_comment_ends_continuation(self) -> None:
        """A comment line within a continued line ends it."""
        assert texts(read("foo \\\n# no more\nbar\n")) == ["foo", "bar"]

    def test_byte_order_mark(self) -> None:
        """A byte order mark at the begin is no part of the first name."""
        assert texts(read("\ufefffoo")) == ["foo"]

    def test_variables(self) -> None:
        """A variable that the client has put no value in for is missing; in comments none is."""
        with pytest.raises(MissingVariable) as caught:
            read("# ${COMMENT}\n--index-url https://${TOKEN}@example.org/simple")

        assert (caught.value.variable, caught.value.line) == ("TOKEN", 2)

    def test_hashes(self) -> None:
        """Each --hash adds one that may match."""
        found = read(f"foo==1 \\\n  --hash=sha256:{ONE} \\\n  --hash sha256:{TWO.upper()}\n")

        assert found.requirements[0].hashes == {"sha256": frozenset({ONE, TWO})}
        assert found.requirements[0].text == "foo==1"

    def test_one_hash_requires_all(self) -> None:
        """One requirement with a hash makes hashes required of all; none leaves them optional."""
        assert read(f"foo==1 --hash=sha256:{ONE}\nbar").require_hashes
        assert not read("foo==1\nbar").require_hashes

    def test_relative_wheel(self, tmp_path: Path) -> None:
        """A relative path is against the client's folder, else against the file's own."""
        beside = tmp_path / "foo-1.0-py3-none-any.whl"
        beside.write_bytes(b"")
        file = RequirementFile(str(tmp_path / "requirements.txt"), f"./{beside.name}")
        client = tmp_path / "client"
        client.mkdir()

        found = read_requirement_files((file,), directory=str(client))
        assert found.requirements[0].url == beside.as_uri()

        own = client / beside.name
        own.write_bytes(b"")
        found = read_requirement_files((file,), directory=str(client))
        assert found.requirements[0].url == own.as_uri()


class TestOptions:
    def test_all(self, tmp_path: Path) -> None:
        """Every option is read in each way of writing it."""
        (tmp_path / "wheels").mkdir()
        text = """
            -i https://one.example.org/simple
            --index-url=https://two.example.org/simple
            --extra-index-url https://three.example.org/simple
            --extra-index-url=https://four.example.org/simple
            -fwheels
            --find-links elsewhere
            -f https://example.org/wheels
            --no-index
            --pre
            --require-hashes
            --only-binary :all:
            --no-binary :none:
            --prefer-binary
        """
        file = RequirementFile(str(tmp_path / "requirements.txt"), text)

        assert read_requirement_files((file,), directory="/cwd") == RequirementSet(
            index_url="https://two.example.org/simple",
            extra_index_urls=(
                "https://three.example.org/simple",
                "https://four.example.org/simple",
            ),
            find_links=(str(tmp_path / "wheels"), "/cwd/elsewhere", "https://example.org/wheels"),
            no_index=True,
            no_binary=(":none:",),
            only_binary=(":all:",),
            prerelease=True,
            require_hashes=True,
        )

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("--pre -e ./project", "stands alone"),
            ("--nope", "'--nope' is not an option"),
            ("--nope=1", "'--nope' is not an option"),
            ("--pre=1", "takes no value"),
            ("--index-url", "wants a value"),
            ("foo --nope=1", "not an option"),
            ("foo --pre", "cannot stand behind"),
            ("foo --hash=md5:12", "--hash wants"),
            ("foo --hash=sha256:12", "not a sha256 digest"),
            (f"--hash=sha256:{ONE}", "belongs behind"),
            ("--index-url 'x", "cannot be split"),
            ("-r missing.txt", "/app/missing.txt that it includes was not sent along"),
            ("-r https://example.org/r.txt", "only local files"),
        ],
    )
    def test_refused(self, line: str, reason: str) -> None:
        """What is not known or not supported is refused with its place."""
        with pytest.raises(InvalidRequirementFile) as caught:
            read(f"foo\n{line}\n")

        assert reason in caught.value.detail
        assert (caught.value.path, caught.value.line) == ("/app/requirements.txt", 2)

    def test_unreadable_requirement(self) -> None:
        """A line that is no requirement is refused with its place."""
        with pytest.raises(InvalidRequirement) as caught:
            read("foo\n???\n")

        assert caught.value.origin == "/app/requirements.txt:2"


class TestNesting:
    def test_included_once(self) -> None:
        """An included file may be sent as a root too, or be included twice: it counts once."""
        other = RequirementFile("/app/more/other.txt", "bar\n")

        found = read("-r more/other.txt\nfoo\n-r more/other.txt", other)

        assert texts(found) == ["bar", "foo"]

    def test_constraints(self) -> None:
        """-c makes constraints of a file's lines, wherever it was sent."""
        other = RequirementFile("/app/c.txt", "bar<2")

        found = read("-c c.txt\nfoo\n", constraints=(other,))

        assert texts(found) == ["foo"]
        assert [asked.text for asked in found.constraints] == ["bar<2"]

    def test_constraint_url(self) -> None:
        """A constraint may be a URL."""
        url = "https://example.org/foo-1.0-py3-none-any.whl"

        found = read("", constraints=(RequirementFile("/c.txt", f"foo @ {url}"),))

        assert found.constraints[0].url == url

    @pytest.mark.parametrize("line", ["foo[x]<2", "???", "-e ."])
    def test_invalid_constraint(self, line: str) -> None:
        """A constraint names one project, without extras."""
        with pytest.raises(InvalidRequirementFile) as caught:
            read("", constraints=(RequirementFile("/c.txt", line),))

        assert (caught.value.path, caught.value.line) == ("/c.txt", 1)


@pytest.mark.parametrize("password", ["pw", "p@w", "p/w", "p@/w@", "p?w", "pw]["])
@pytest.mark.parametrize(
    "line",
    [
        "-r {}",
        "-c{}",
        "--requirement={}",
        "--pre {}",
        "foo --hash={}",
        "foo @ {} --hash=x:y",
        "--no-index={}",
        "{}",
    ],
)
def test_messages_have_no_passwords(line: str, password: str) -> None:
    """Whichever line is refused, its URL is told without the credentials in it."""
    with pytest.raises((InvalidRequirement, InvalidRequirementFile)) as caught:
        read(line.format(f"https://user:{password}@example.org/x.txt"))
    assert "user" not in caught.value.detail
    assert password not in caught.value.detail
