"""Problem documents (RFC 9457) that the daemon sent where rendered lines were asked for."""

from __future__ import annotations

import json


def describe(body: bytes, status: str) -> str:
    """One line for a person: the problem's detail and hint, else the answer's status."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return f"the daemon answered {status}; are linkd and linkd-client of one version?"
    told = problem.get("detail") or problem.get("title") or f"the daemon answered {status}"
    hint = problem.get("hint")
    return f"{told}; {hint}" if hint else str(told)
