"""Scripts start with the interpreter they name, wherever that lies; proven by executing them."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkd.core.manifest import Launcher
from linkd.core.scripts import launcher_script, rewrite_shebang, shebang

SHOW = b"import sys\nprint(sys.argv[0], sys.executable, *sys.argv[1:], sep='\\n')\n"

FOLDERS = [
    "plain",
    "with blank",
    "with\ttab",
    "o'neill",
    "''two'' quotes'",
    'say "x"',
    "back\\slash \\N \\x \\u \\",
    "$HOME `id` $(id) *",
    "line\nbreak",
    "carriage\rreturn",
    "ünïcödé",
    "l" * 150,
    "l o n g " * 25,
]


@pytest.fixture(params=FOLDERS)
def python(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A link to the running interpreter in a folder of an awkward name."""
    return link_python(tmp_path / str(request.param))


def link_python(folder: Path) -> Path:
    folder.mkdir()
    link = folder / "python"
    link.symlink_to(sys.executable)
    return link


def run_script(path: Path, content: bytes, *arguments: str) -> list[str]:
    path.write_bytes(content)
    path.chmod(0o755)
    done = subprocess.run([path, *arguments], check=True, capture_output=True)
    assert done.stderr == b""
    return done.stdout.decode().split("\n")[:-1]


def test_the_interpreter_is_found(python: Path, tmp_path: Path) -> None:
    """A script runs with the very interpreter it names, its arguments untouched."""
    script = tmp_path / "show"
    content = shebang(str(python)) + SHOW
    expected = f"{script}\n{python}\none\ntwo words\n'\"$x\\\n".split("\n")[:-1]
    assert run_script(script, content, "one", "two words", "'\"$x\\") == expected


def test_nothing_is_warned_of(python: Path) -> None:
    """The lines for the shell are a sound string to Python: not even a warning comes of them."""
    compile(shebang(str(python)) + SHOW, "script", "exec")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200))
def test_every_path_gives_a_sound_script(tail: str) -> None:
    """Whatever a path has in it, the script is sound Python that the kernel's limit does not cut."""
    lines = shebang(f"/{tail}")
    compile(lines + b"pass\n", "script", "exec")
    assert len(lines.split(b"\n")[0]) < 127


@given(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), min_size=1, max_size=40
    )
)
def test_the_shell_reads_the_path_itself(tail: str) -> None:
    """What the shell would execute is the path, character by character."""
    python = f"/nowhere/with blank/{tail}"
    command = shebang(python).split(b"\n")[1].replace(b"'''exec'", b"printf %s", 1)
    said = subprocess.run(
        ["/bin/sh", "-c", command.removesuffix(b' "$0" "$@"')], check=True, capture_output=True
    )
    assert said.stdout.decode() == python


def test_a_short_path_takes_one_line() -> None:
    """Nothing but the kernel is needed where the path has no blank and is short enough."""
    assert shebang("/env/bin/python") == b"#!/env/bin/python\n"


@pytest.mark.parametrize(("length", "direct"), [(124, True), (125, False)])
def test_the_kernels_limit_is_kept(length: int, direct: bool) -> None:
    """127 bytes with the line's end still go in one line."""
    python = "/" + "x" * (length - 1)
    assert shebang(python).startswith(f"#!{python}\n".encode()) is direct


def test_a_launcher_calls_its_entry_point(python: Path, tmp_path: Path) -> None:
    """A launcher imports what it names and calls it, from a path of any kind."""
    launcher = Launcher(name="go", module="platform", attribute="os.getcwd")
    script = tmp_path / "go"
    script.write_bytes(launcher_script(launcher, str(python)))
    script.chmod(0o755)
    # A string that an entry point returns is what the interpreter says when it ends.
    done = subprocess.run([script], check=False, capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stderr.decode()) == (1, f"{tmp_path}\n")


def test_a_launcher_imports_nothing_of_its_own() -> None:
    """Its text is the entry point's import and call: it costs no time of its own."""
    launcher = Launcher(name="go", module="a.b", attribute="C.main")
    assert launcher_script(launcher, "/p") == (
        b'#!/p\nimport sys\nfrom a.b import C\nif __name__ == "__main__":\n    sys.exit(C.main())\n'
    )


def test_a_launcher_returns_the_exit_status(tmp_path: Path) -> None:
    """The entry point's return value is the exit status."""
    script = tmp_path / "go"
    script.write_bytes(
        launcher_script(
            Launcher(name="go", module="sys", attribute="getrecursionlimit"), sys.executable
        )
    )
    script.chmod(0o755)
    assert subprocess.run([script], check=False).returncode == sys.getrecursionlimit() % 256


@pytest.mark.parametrize(
    "first", [b"#!python\n", b"#!pythonw\n", b"#!python3\r\n", b"#!python3.11 \n", b"#!python\r"]
)
def test_the_placeholder_is_replaced(first: bytes) -> None:
    """The placeholder's line becomes the interpreter's, with a line end that the kernel knows."""
    rest = b"print(1)\r\nprint(2)\n"
    assert rewrite_shebang(first + rest, "/env/bin/python") == b"#!/env/bin/python\n" + rest


def test_the_placeholder_alone_is_replaced() -> None:
    """A script that is nothing but its first line is one, too."""
    assert rewrite_shebang(b"#!python", "/p") == b"#!/p\n"


def test_an_option_is_kept() -> None:
    """One option stays on the line, as the kernel gives it."""
    assert rewrite_shebang(b"#!python  -E\r\nx\n", "/p") == b"#!/p -E\nx\n"


def test_options_reach_the_interpreter(python: Path, tmp_path: Path) -> None:
    """Options behind the placeholder work in both forms, several of them too."""
    content = rewrite_shebang(
        b"#!pythonw -I -X utf8\nimport sys\nprint(sys.flags.isolated, sys.flags.utf8_mode)\n",
        str(python),
    )
    assert run_script(tmp_path / "options", content) == ["1 1"]


def test_a_coding_line_keeps_its_effect(tmp_path: Path) -> None:
    """A script in another coding stays readable where the shell has to help."""
    python = link_python(tmp_path / "with blank")
    content = rewrite_shebang(
        b"#!python\n# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n", str(python)
    )
    assert run_script(tmp_path / "coded", content) == ["'\\xe9'"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!/bin/sh\n",
        b"#!/usr/bin/env python\n",
        b"\x7fELF\0",
        b" #!python\n",
        b"#!pythonic\n",
    ],
)
def test_other_content_is_left_alone(content: bytes) -> None:
    """Only the placeholder is rewritten: programs and scripts of other languages stay."""
    assert rewrite_shebang(content, "/p") == content


@given(st.binary(max_size=100))
def test_the_rest_of_a_script_is_untouched(rest: bytes) -> None:
    """Not a byte behind the first line changes."""
    assert rewrite_shebang(b"#!python\n" + rest, "/p") == b"#!/p\n" + rest


options = st.from_regex(r"-[A-Za-z]([\w='\"$`\\*;&|<>()-]{0,8})", fullmatch=True)
paths = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=60
).map("/env/{}".format)


@given(paths, st.lists(options, min_size=2, max_size=4))
def test_every_option_is_a_word(python: str, given_options: list[str]) -> None:
    """Whatever options stand behind the placeholder, each is a word of its own to the shell."""
    content = rewrite_shebang(f"#!python {' '.join(given_options)}\npass\n".encode(), python)
    command = content.split(b"\n")[1].decode()

    assert shlex.split(command) == ["exec", python, *given_options, "$0", "$@"]
    compile(content, "script", "exec")


@given(paths, paths, st.binary(max_size=40))
def test_rewriting_again_changes_nothing(python: str, other: str, rest: bytes) -> None:
    """A script that names its interpreter is nobody's placeholder any more."""
    once = rewrite_shebang(b"#!python\n" + rest, python)
    assert rewrite_shebang(once, other) == once


@given(st.binary(max_size=40).filter(lambda content: not content.startswith(b"#!python")))
def test_any_other_content_is_left_alone(content: bytes) -> None:
    """Whatever does not begin with the placeholder comes back as it is."""
    assert rewrite_shebang(content, "/env/bin/python") is content
