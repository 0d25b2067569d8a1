"""Programs as a container with every hardening runs them: no root, no home, no name, nothing to write to.

All file systems are read-only, but for /tmp and /dev/shm where a program is given them. The user has no entry
in /etc/passwd and no capability but the one to read what lies in others' homes (where Python may be).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

USER = 10001
ROOT = Path(__file__).resolve().parents[2]

_SCRIPT = """
set -e
staging=$1 user=$2 shared_memory=$3 writable_tmp=$4; shift 4
needed=(); while [ "$1" != -- ]; do needed+=("$1"); shift; done; shift
if [ $writable_tmp = yes ]; then
  mount -t tmpfs -o size=64m,mode=1777 tmpfs "$staging"
  for each in "${needed[@]}"; do
    case $each in /tmp/*) mkdir -p "$staging${each#/tmp}"; mount --rbind "$each" "$staging${each#/tmp}";; esac
  done
  mount --rbind "$staging" /tmp
fi
while read -r _ _ _ _ point _ ; do
  case $point in
    /proc*|/sys*|/dev|/dev/pts|/dev/mqueue) continue;;
    /dev/shm) if [ $shared_memory = yes ]; then continue; fi;;
    "$staging"|/tmp) if [ $writable_tmp = yes ]; then continue; fi;;
  esac
  mount -o remount,bind,ro "$(printf %b "$point")" 2>/dev/null || true
done < /proc/self/mountinfo
cd /
exec setpriv --reuid=$user --regid=$user --clear-groups --no-new-privs \\
  --bounding-set=-all,+dac_read_search --inh-caps=-all,+dac_read_search --ambient-caps=+dac_read_search "$@"
"""


def why_not() -> str:
    """Why a sandbox cannot be had here; empty where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux, to give it up"
    for program in ("unshare", "setpriv", "mount", "bash"):
        if shutil.which(program) is None:
            return f"needs {program}"
    probe = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)  # noqa: S607 - looked for above
    return "" if probe.returncode == 0 else "may not make mount namespaces"


def sandboxed(
    *command: str,
    staging: Path,
    shared_memory: bool = False,
    writable_tmp: bool = False,
    needed: tuple[Path, ...] = (),
) -> list[str]:
    """The command line that runs `command` in a sandbox.

    Args:
        staging: an empty folder, for the sandbox's own use.
        shared_memory: /dev/shm may be written to.
        writable_tmp: /tmp may be written to (64 MB).
        needed: folders under /tmp that the program reads, besides the sources and Python's own.
    """
    staging.mkdir(parents=True, exist_ok=True)
    readable = {ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix), *map(Path, sys.path), *needed}
    topmost = [str(each) for each in readable if each.is_absolute() and not set(each.parents) & readable]
    yes_no = ("no", "yes")
    return [
        "unshare", "--mount", "--propagation", "private", "bash", "-c", _SCRIPT, "sandbox",
        str(staging), str(USER), yes_no[shared_memory], yes_no[writable_tmp], *topmost, "--", *command,
    ]  # fmt: skip


def bare_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing but where the sources are, a home that is not there, and `settings`."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        **settings,
    }
