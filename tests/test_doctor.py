"""What doctor says of machines it has never seen: made-up facts and layers in, reasons and mends out; and this machine for real."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.assignment import Assignment
from grader.doctor import LAYERS, OPTIONAL, Finding, diagnose, examine
from grader.machine import Machine, look_at_machine
from tests.support import ROOT
from tests.test_cli import grader

BARE = ("rlimits",)
NOT_THERE = {"bubblewrap": "not installed", "landlock": "OSError: [Errno 38] Function not implemented",
             "seccomp": "OSError: libseccomp.so.2: cannot open shared object file", "cgroup": "cgroup v2 is not mounted here"}
NAMESPACES = {**NOT_THERE, "bubblewrap": "bwrap: No permissions to create new namespace"}

ADVICE: list[tuple[str, Machine, dict[str, str], str, str]] = [
    ("bubblewrap", Machine("Linux", (6, 1), "debian"), NOT_THERE, "not installed", "sudo apt-get install bubblewrap"),
    ("bubblewrap", Machine("Linux", (6, 1), "fedora"), NOT_THERE, "not installed", "sudo dnf install bubblewrap"),
    ("bubblewrap", Machine("Linux", (6, 1), "arch"), NOT_THERE, "not installed", "sudo pacman -S bubblewrap"),
    ("bubblewrap", Machine("Linux", (6, 1)), NOT_THERE, "not installed", "package manager"),
    ("bubblewrap", Machine("Linux", (6, 8), "debian", settings={"kernel/apparmor_restrict_unprivileged_userns": "1"}), NAMESPACES,
     "AppArmor", "apparmor_parser -r /etc/apparmor.d/bwrap"),
    ("bubblewrap", Machine("Linux", (5, 10), "debian", settings={"kernel/unprivileged_userns_clone": "0"}), NAMESPACES,
     "kernel.unprivileged_userns_clone is 0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
    ("bubblewrap", Machine("Linux", (5, 14), "fedora", settings={"user/max_user_namespaces": "0"}), NAMESPACES,
     "user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces=15000"),
    ("bubblewrap", Machine("Linux", (6, 1), "debian", container=True), NAMESPACES, "container", "inner wall holds"),
    ("bubblewrap", Machine("Linux", (6, 1), "debian"), NAMESPACES, "No permissions", "bwrap --unshare-user"),
    ("landlock", Machine("Linux", (5, 10), "debian"), NOT_THERE, "it came with 5.13", "update the kernel"),
    ("landlock", Machine("Linux", (6, 1), "debian"), NOT_THERE, "switched off", "update-grub"),
    ("landlock", Machine("Linux", (6, 1), "fedora"), NOT_THERE, "switched off", "grubby"),
    ("landlock", Machine("Linux", (6, 1), "alpine"), NOT_THERE, "switched off", "lsm=landlock"),
    ("landlock", Machine("Linux", (6, 1), "debian", container=True), NOT_THERE, "not implemented", "newer Docker"),
    ("seccomp", Machine("Linux", (6, 1), "debian"), NOT_THERE, "libseccomp.so.2", "sudo apt-get install libseccomp2"),
    ("seccomp", Machine("Linux", (6, 1), "fedora"), NOT_THERE, "libseccomp.so.2", "sudo dnf install libseccomp"),
    ("seccomp", Machine("Linux", (6, 1)), {"seccomp": "ModuleNotFoundError: No module named 'pyseccomp'"}, "pyseccomp",
     "-m pip install pyseccomp"),
    ("cgroup", Machine("Linux", (6, 1), "debian", systemd=True), NOT_THERE, "not mounted",
     "systemd-run --user --scope --property=Delegate=yes make grade"),
    ("cgroup", Machine("Linux", (6, 1), "debian", systemd=True, root=True), NOT_THERE, "not mounted",
     "systemd-run --scope --property=Delegate=yes make grade"),
    ("cgroup", Machine("Linux", (6, 1), "debian", container=True), NOT_THERE, "hold all the same", ""),
]


@pytest.mark.parametrize(("layer", "machine", "missing", "why", "mend"), ADVICE, ids=[f"{row[0]} {row[1].family} {row[3]}" for row in ADVICE])
def test_what_is_missing_has_its_reason_and_its_mend(
    layer: str, machine: Machine, missing: dict[str, str], why: str, mend: str
) -> None:
    found = {finding.layer: finding for finding in diagnose(machine, BARE, missing)}[layer]
    assert not found.works
    assert why in found.reason
    assert mend in found.mend


def test_layers_that_work_need_no_words_and_uid_drop_is_named_only_where_it_can_be() -> None:
    found = diagnose(Machine("Linux"), ("bubblewrap", "landlock-7", "seccomp", "rlimits", "cgroup-memory", "cgroup-pids"), {})
    assert [(one.layer, one.works, one.reason, one.mend) for one in found] == [
        (layer, True, "", "") for layer in ("bubblewrap", "landlock-7", "seccomp", "rlimits", "cgroup-pids")]
    assert [one.layer for one in diagnose(Machine("Linux"), (), {})] == [layer for layer in LAYERS if layer not in OPTIONAL]
    assert diagnose(Machine("Linux"), ("uid-drop",), {})[3] == Finding("uid-drop", LAYERS["uid-drop"], True)


def test_another_system_is_sent_to_a_container(attention: Assignment) -> None:
    found = examine(Machine("Darwin"), attention)
    assert not found.holds
    assert "Linux alone" in found.trouble
    assert "CONTAINER=docker" in found.trouble
    assert {finding.works for finding in found.findings} == {False}


SYSTEMS = {
    'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n': "debian",
    "ID=debian\n": "debian",
    'ID="rocky"\nID_LIKE="rhel centos fedora"\n': "fedora",
    "ID=fedora": "fedora",
    'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n': "suse",
    "ID=manjaro\nID_LIKE=arch\n": "arch",
    "ID=alpine": "alpine",
    "ID=plan9": "",
    "ID='unclosed": "",
    "": "",
}


@pytest.mark.parametrize(("release", "family"), SYSTEMS.items(), ids=[family or "unknown" for family in SYSTEMS.values()])
def test_a_distribution_is_known_by_its_release_file(tmp_path: Path, release: str, family: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text(release, encoding="utf-8")
    assert look_at_machine(tmp_path).family == family


def test_facts_are_read_and_their_absence_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = look_at_machine(tmp_path)
    assert (empty.family, empty.container, empty.systemd, empty.setting("user/max_user_namespaces")) == ("", False, False, "")
    for file, text in {".dockerenv": "", "proc/sys/user/max_user_namespaces": "0\n", "run/systemd/system/x": ""}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    monkeypatch.setattr("platform.release", lambda: "5.10.0-28-amd64")
    full = look_at_machine(tmp_path)
    assert (full.container, full.systemd, full.setting("user/max_user_namespaces"), full.kernel) == (True, True, "0", (5, 10))


def test_doctor_says_what_is_here_and_ends_with_0_only_when_that_is_enough(tmp_path: Path) -> None:
    told = grader("doctor")
    assert told.returncode == 0, told.stdout
    assert "seccomp" in told.stdout
    assert "good enough" in told.stdout
    for name in ("reference", "student_template"):
        shutil.copytree(ROOT / name, tmp_path / name)
    file = tmp_path / "reference" / "attention" / "assignment.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('sandbox = "inner wall"', 'sandbox = "both walls"'), encoding="utf-8")
    nowhere = str(tmp_path)
    told = grader("doctor", "--assignment", file.parent, PATH=nowhere)
    assert told.returncode == 1
    assert "not enough" in told.stdout
    assert "install bubblewrap" in told.stdout
    refused = grader("grade", "--assignment", file.parent, "--out", tmp_path / "out", PATH=nowhere)
    assert refused.returncode == 1
    assert "asks for (no bubblewrap: not installed)" in " ".join(refused.stderr.split())
    assert not list((tmp_path / "out").rglob("*.json"))
    allowed = grader("grade", "submissions/attention/lena-fischer", "--assignment", file.parent, "--out", tmp_path / "out",
                     "--allow-weak-sandbox", PATH=nowhere)
    assert allowed.returncode == 0, allowed.stderr
    assert "weak sandbox: only “inner wall”" in allowed.stdout
    (result,) = (tmp_path / "out" / "results").iterdir()
    assert '"weak": true' in result.read_text(encoding="utf-8")


def test_a_level_that_does_not_exist_is_a_mistake_in_the_assignment(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "assignments" / "signals", tmp_path / "signals")
    file = tmp_path / "signals" / "assignment.toml"
    file.write_text('sandbox = "strong"\n' + file.read_text(encoding="utf-8"), encoding="utf-8")
    told = grader("doctor", "--assignment", file.parent)
    assert told.returncode == 2
    assert "assignment.toml: sandbox" in " ".join(told.stderr.split())
