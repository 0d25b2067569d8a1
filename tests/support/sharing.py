"""How `make test` shares the tests out among several processes.

A file goes to one process as a whole, which starts what the file's tests share once; so does a folder whose
files share a server. What takes long goes first, or one process would be left with it at the end.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it publishes no types

TOGETHER = (
    "tests/clients/javascript/test_",
    "tests/clients/test_",
    "tests/demo/assistant/test_",
    "tests/gateway/adapters/test_",
    "tests/observability/",
    "tests/stack/",
    "tests/triton/",
)
"""Folders with a server for all of their files."""

LONGEST = (
    "tests/stack/",
    "tests/triton/",
    "tests/clients/test_",
    "tests/deploy/images/test_install",
    "tests/soak/test_runs",
    "tests/chaos/test_command",
    "tests/benchmarks/autoscaling/test_run",
    "tests/benchmarks/systems/",
    "tests/evaluation/test_command",
    "tests/local/security/test_stack_with_tls",
    "tests/local/test_hardened",
    "tests/observability/",
    "tests/deploy/envoy/",
    "tests/deploy/kubernetes/",
    "tests/decoder/",
    "tests/local/test_",
)
"""Beginnings of the names of what takes longest, the longest first."""


def unit(name: str) -> str:
    """What a test goes with to its process: its folder or its file."""
    together = (folder for folder in TOGETHER if name.startswith(folder))
    return next(together, name.partition("::")[0])


def place_in_line(name: str) -> int:
    """Lower for tests that should begin earlier."""
    return next((place for place, start in enumerate(LONGEST) if name.startswith(start)), len(LONGEST))


class ByUnit(LoadScopeScheduling):  # type: ignore[misc]  # likewise
    """Hands out units in the order of their first tests."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
