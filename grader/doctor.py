"""A machine and the layers that work on it -> one finding for each layer: there or not, why not, and the command that mends it.

Pure but for `examine`, which starts one box to see. Grades nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from grader.assignment import Assignment
from grader.errors import SandboxError
from grader.machine import Family, Machine
from grader.model import SandboxLevel
from grader.pipeline import demands_of, open_box

LAYERS = {
    "bubblewrap": "outer wall: only Python and its libraries can be seen, no network, no other process",
    "landlock": "inner wall: no file beyond Python's libraries, no TCP, no signals to others",
    "seccomp": "inner wall: a list of the system calls that are left",
    "uid-drop": "inner wall, as root: student code runs as a user that owns nothing",
    "rlimits": "limits on one process: memory, time, open files, file size",
    "cgroup": "limits on all that runs in a box, root's processes too",
}
"""Every layer, and what it is for."""
OPTIONAL = ("uid-drop", "cgroup")
"""Layers that add strength where they are to be had and are not missed elsewhere."""

INSTALL: Mapping[Family, str] = {
    "debian": "sudo apt-get install {}", "fedora": "sudo dnf install {}", "arch": "sudo pacman -S {}",
    "suse": "sudo zypper install {}", "alpine": "apk add {}", "": "install {} with your system's package manager",
}
LIBSECCOMP: Mapping[Family, str] = {"debian": "libseccomp2", "suse": "libseccomp2"}

APPARMOR = """\
sudo tee /etc/apparmor.d/bwrap >/dev/null <<'END'
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}
END
sudo apparmor_parser -r /etc/apparmor.d/bwrap"""
"""Ubuntu 23.10 and later let a program make user namespaces only where a profile says so."""

LSM = 'lsm=landlock,$(cat /sys/kernel/security/lsm)'
BOOT: Mapping[Family, str] = {
    "debian": f"""\
echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {LSM}"' | sudo tee /etc/default/grub.d/landlock.cfg
sudo update-grub && sudo reboot""",
    "fedora": f"""sudo grubby --update-kernel=ALL --args="{LSM}" && sudo reboot""",
}
"""How to add Landlock to the security modules that the kernel starts with."""



@dataclass(frozen=True)
class Finding:
    """One layer: whether it works here, and if not, why and what to do; `mend` may be several lines of shell."""

    layer: str
    purpose: str
    works: bool
    reason: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Examination:
    """All findings, what they amount to, what is asked for, and what went wrong beyond a missing layer ("" when nothing did)."""

    findings: tuple[Finding, ...]
    level: SandboxLevel
    minimum: SandboxLevel
    holds: bool
    trouble: str = ""


def examine(machine: Machine, assignment: Assignment) -> Examination:
    """Start one box, allowed to be weak, and say what it is made of."""
    minimum = assignment.sandbox
    if machine.system != "Linux":
        reason = f"{machine.system} has no such thing"
        findings = tuple(Finding(layer, purpose, False, reason) for layer, purpose in LAYERS.items())
        trouble = "student code can be run on Linux alone; `make grade CONTAINER=docker` brings one along, see docs/containers.md"
        return Examination(findings, "limits", minimum, False, trouble)
    with open_box(assignment, demands_of(assignment, allow_weaker=True)) as box:
        try:
            box.start()
        except SandboxError as error:
            return Examination(diagnose(machine, (), box.missing), "limits", minimum, False, str(error))
        findings = diagnose(machine, box.layers, box.missing)
        return Examination(findings, box.level, minimum, not box.is_weak)


def diagnose(machine: Machine, layers: tuple[str, ...], missing: Mapping[str, str]) -> tuple[Finding, ...]:
    """One finding for each layer that this machine could have; uid-drop is root's alone."""
    there = {name: layer for layer in layers for name in LAYERS if layer == name or layer.startswith(f"{name}-")}
    wanted = [layer for layer in LAYERS if layer in there or layer in missing or layer not in OPTIONAL]
    return tuple(
        Finding(there[layer], LAYERS[layer], True) if layer in there
        else Finding(layer, LAYERS[layer], False, *_explain(machine, layer, missing))
        for layer in wanted
    )


def _explain(machine: Machine, layer: str, missing: Mapping[str, str]) -> tuple[str, str]:
    reason = missing.get(layer, "the box did not start")
    explain = {"bubblewrap": _bubblewrap, "landlock": _landlock, "seccomp": _seccomp, "cgroup": _cgroup}.get(layer)
    return explain(machine, reason) if explain else (reason, "")


def _bubblewrap(machine: Machine, reason: str) -> tuple[str, str]:
    if reason == "not installed":
        return reason, INSTALL[machine.family].format("bubblewrap")
    if machine.container:
        return (f"{reason} (a container's own profile forbids new namespaces)",
                "not needed: the inner wall holds here. To have both walls, grade outside the container")
    if machine.setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return f"{reason} (AppArmor forbids user namespaces to programs without a profile)", APPARMOR
    for name in ("kernel/unprivileged_userns_clone", "user/max_user_namespaces"):
        if machine.setting(name) == "0":
            value = 1 if name.endswith("clone") else 15000
            return f"{reason} ({name.replace('/', '.')} is 0)", f"sudo sysctl -w {name.replace('/', '.')}={value}"
    return reason, "bwrap --unshare-user --unshare-all --ro-bind / / true   shows the trouble by itself"


def _landlock(machine: Machine, reason: str) -> tuple[str, str]:
    if (0, 0) < machine.kernel < (5, 13):
        return f"{reason} (Linux {machine.kernel[0]}.{machine.kernel[1]}; it came with 5.13)", "update the kernel"
    if machine.container:
        return reason, "a newer Docker or Podman, whose profile lets Landlock's system calls through, on Linux 5.13 or later"
    return f"{reason} (switched off when the machine started)", BOOT.get(machine.family, f"start the kernel with {LSM}")


def _seccomp(machine: Machine, reason: str) -> tuple[str, str]:
    if "pyseccomp" in reason and "No module" in reason:
        return reason, f"{sys.executable} -m pip install pyseccomp"
    return reason, INSTALL[machine.family].format(LIBSECCOMP.get(machine.family, "libseccomp"))


def _cgroup(machine: Machine, reason: str) -> tuple[str, str]:
    if machine.systemd and not machine.container:
        scope = "systemd-run" if machine.root else "systemd-run --user"
        return reason, f"{scope} --scope --property=Delegate=yes make grade"
    return f"{reason}; the limits on each process hold all the same", ""
