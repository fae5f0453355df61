"""Compiles sources; run by an interpreter of the wanted cache tag, never imported.

Jobs come in as lines of JSON on its input, answers go out. It is written so that interpreters from
3.9 on can run it, with nothing but the standard library. Sources are hostile input: they are
compiled, never run, by a child that has a limited memory, and a limited time for each of them.

A compiled file is what `py_compile` makes, valid by its source's time and size (PEP 552). The path
in its code objects does not matter: the import system puts the source's own in its place.
"""

import base64
import errno
import hashlib
import importlib.util
import json
import marshal
import os
import resource
import sys
from typing import Any, BinaryIO, Dict, List  # noqa: UP035 - that of 3.9

CPU_S = 20
"""For one file. The largest of the world take about two."""
MEMORY_BYTES = 2 << 30
WORDS = 200
"""Characters of a reason."""
DEATHS = 3
"""Files of one job at which the interpreter may die until the job is given up."""


def main() -> None:
    for line in sys.stdin.buffer:
        answer = carry_out(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def carry_out(job: Dict[str, Any]) -> Dict[str, Any]:  # noqa: UP006
    """Compile every file, going on behind each of them that a child dies of."""
    if job["cache_tag"] != sys.implementation.cache_tag:
        return {"error": "it compiles for %s" % sys.implementation.cache_tag}  # noqa: UP031
    answers: List[Any] = []  # noqa: UP006
    deaths = 0
    while len(answers) < len(job["files"]):
        answers += run_child(job, len(answers))
        if answers and "error" in answers[-1]:
            return {"error": answers[-1]["error"]}
        if len(answers) < len(job["files"]):
            deaths += 1
            if deaths == DEATHS:
                return {"error": "compiling takes too much time or memory"}
            answers.append({"skipped": "the interpreter died"})
    return {"files": answers}


def run_child(job: Dict[str, Any], first: int) -> List[Any]:  # noqa: UP006
    """The answers for the files from `first` on, as far as the child came."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read_end)
            with open(write_end, "wb", buffering=0) as told:
                work(job, first, told)
            status = 0
        finally:
            os._exit(status)
    os.close(write_end)
    with open(read_end, "rb") as reading:
        lines = reading.readlines()
    os.waitpid(child, 0)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def work(job: Dict[str, Any], first: int, told: BinaryIO) -> None:  # noqa: UP006
    limit(resource.RLIMIT_AS, MEMORY_BYTES)
    limit(resource.RLIMIT_CORE, 0)
    for file in job["files"][first:]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        limit(resource.RLIMIT_CPU, int(usage.ru_utime + usage.ru_stime) + CPU_S)
        try:
            answer = compile_one(job, file)
        except OSError as error:
            answer = {"error": str(error)}
        told.write(json.dumps(answer).encode() + b"\n")


def limit(what: int, soft: int) -> None:
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(what, (soft, hard))


def compile_one(job: Dict[str, Any], file: Dict[str, Any]) -> Dict[str, Any]:  # noqa: UP006
    """Its size and hash, or why it has none. Raises OSError for what is not the source's fault."""
    with open(os.path.join(job["tree"], file["source"]), "rb") as reading:
        source = reading.read()
        facts = os.fstat(reading.fileno())
    if (facts.st_size, facts.st_mtime_ns) != (file["size"], file["mtime_ns"]):
        raise OSError("%(source)s is not as it was unpacked" % file)  # noqa: UP031
    try:
        code = compile(source, file["name"], "exec", dont_inherit=True)
        content = header(facts) + marshal.dumps(code)
    # As pip does: nobody can import what does not compile.
    except Exception as error:  # noqa: BLE001
        return {"skipped": ("%s: %s" % (type(error).__name__, error))[:WORDS]}  # noqa: UP031
    try:
        write(os.path.join(job["out"], file["compiled"]), content, facts)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return {"skipped": "its name is too long"}
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return {"size": len(content), "sha256": digest.rstrip(b"=").decode()}


def header(facts: os.stat_result) -> bytes:
    """Magic number, flags, and the source's time and size (PEP 552)."""
    words = (0, int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF)
    return importlib.util.MAGIC_NUMBER + b"".join(word.to_bytes(4, "little") for word in words)


def write(path: str, content: bytes, facts: os.stat_result) -> None:
    with open(path, "xb") as writing:
        writing.write(content)
        writing.flush()
        os.fchmod(writing.fileno(), 0o644)
        os.utime(writing.fileno(), ns=(facts.st_mtime_ns, facts.st_mtime_ns))


if __name__ == "__main__":
    main()
