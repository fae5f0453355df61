"""What an installer does, behaviour by behaviour: linkd's held by tests, pip's and uv's measured.

Each chapter lists behaviours as data: the wheels, the commands, and what linkd does then. A test runs
linkd on every one; `make conformance` runs pip and uv, too, keeps what they did in
``tests/cases/conformance/peers.json``, and writes ``docs/conformance.md``. A further test holds that
page to what the chapters and the measured outcomes say.
"""
