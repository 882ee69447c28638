"""What kind of machine this is, as far as it decides about the sandbox: read once, at the edge. Judges nothing."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Family = Literal["debian", "fedora", "arch", "suse", "alpine", ""]
FAMILIES: Mapping[str, Family] = {
    "debian": "debian", "ubuntu": "debian", "fedora": "fedora", "rhel": "fedora", "centos": "fedora", "arch": "arch",
    "suse": "suse", "opensuse": "suse", "sles": "suse", "alpine": "alpine",
}
"""By ID or ID_LIKE of os-release(5), up to its first hyphen."""
SETTINGS = ("kernel/apparmor_restrict_unprivileged_userns", "kernel/unprivileged_userns_clone", "user/max_user_namespaces")


@dataclass(frozen=True)
class Machine:
    """The facts. `family` is the kind of distribution, "" for one that is not known; `settings` are kernel settings by name."""

    system: str
    kernel: tuple[int, int] = (0, 0)
    family: Family = ""
    container: bool = False
    root: bool = False
    systemd: bool = False
    settings: Mapping[str, str] | None = None

    def setting(self, name: str) -> str:
        """One kernel setting, "" where this kernel has none of that name."""
        return (self.settings or {}).get(name, "")


def look_at_machine(root: Path = Path("/")) -> Machine:
    """Read the facts; what cannot be read counts as not there."""
    return Machine(
        system=platform.system(),
        kernel=_kernel(platform.release()),
        family=_family(_read(root / "etc/os-release") or _read(root / "usr/lib/os-release")),
        container="container" in os.environ or any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")),
        root=hasattr(os, "geteuid") and os.geteuid() == 0,
        systemd=(root / "run/systemd/system").is_dir(),
        settings={name: text for name in SETTINGS if (text := _read(root / "proc/sys" / name).strip())},
    )


def _kernel(release: str) -> tuple[int, int]:
    parts = [int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit()]
    return (parts[0], parts[1]) if len(parts) == 2 else (0, 0)


def _family(release: str) -> Family:
    entries = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    with contextlib.suppress(ValueError):
        names = " ".join(shlex.split(f"{entries.get('ID', '')} {entries.get('ID_LIKE', '')}")).split()
        return next((FAMILIES[start] for name in names if (start := name.split("-")[0]) in FAMILIES), "")
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
