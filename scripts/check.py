#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and tests everything, and counts every single test.

Steps: the dev preset (compiler, tools, runtime), its lit and GoogleTest tests; then the runtime alone with the system
compiler, which proves that it needs no LLVM; then the runtime under sanitizers. A failing step does not hide the next
ones. What the Python tests run in is fetched while the compiler is being built. The last line is `N passed, N failed, N
skipped`; every failure and every skip is named above it.

  scripts/check.py                 all presets
  scripts/check.py dev asan        only these
"""
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
JOBS = os.cpu_count() or 1


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add(self, name, outcome, why=""):
        if outcome == "passed":
            self.passed += 1
        elif outcome == "failed":
            self.failed.append(name)
        else:
            self.skipped.append(f"{name} ({why})" if why else name)


def run(title, command, quiet_success=False):
    """Runs a command with its output shown (or shown only when it fails); returns whether it succeeded."""
    print(f"\n=== {title}", flush=True)
    start = time.monotonic()
    if quiet_success:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")
        if done.returncode:
            print(done.stdout)
    else:
        done = subprocess.run(command, cwd=ROOT)
    word = "done" if done.returncode == 0 else f"exit {done.returncode}"
    print(f"=== {title}: {word} in {time.monotonic() - start:.0f} s", flush=True)
    return done.returncode == 0


def build(preset, tally):
    built = run(f"{preset}: configure and build", ["scripts/build.sh", preset], quiet_success="CI" in os.environ)
    tally.add(f"{preset}: build", "passed" if built else "failed")
    return built


def google_tests(preset, tally):
    report = BUILD / preset / "ctest.xml"
    report.unlink(missing_ok=True)
    succeeded = run(f"{preset}: GoogleTest", ["ctest", "--preset", preset, "-E", "^lit$", "-j", str(JOBS),
                                              "--output-junit", str(report)])
    if not report.exists():
        tally.add(f"{preset}: ctest wrote no report", "failed")
        return
    failures = 0
    for case in xml.parse(report).getroot().iter("testcase"):
        name = f"{preset}: {case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.get("status") == "fail":
            failures += 1
            tally.add(name, "failed")
        elif skip is not None or case.get("status") in ("notrun", "disabled"):
            why = reason(case.findtext("system-out") or "", skip)
            tally.add(name, "skipped", "disabled in its source" if case.get("status") == "disabled" else why)
        else:
            tally.add(name, "passed")
    if not succeeded and failures == 0:
        tally.add(f"{preset}: ctest failed without a failing test", "failed")


def reason(output, skip):
    """Why a test was skipped: the line that GoogleTest printed with GTEST_SKIP, else ctest's own word."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for at, line in enumerate(lines):
        if line.endswith("Skipped") and at + 1 < len(lines):
            return lines[at + 1]
    return (skip.get("message") if skip is not None else "") or "no reason given"


def lit_tests(preset, tally):
    report = BUILD / preset / "lit.json"
    report.unlink(missing_ok=True)
    run(f"{preset}: lit", [lit(preset), "-sv", "-j", str(JOBS), "-o", str(report), str(BUILD / preset / "test")])
    if not report.exists():
        tally.add(f"{preset}: lit wrote no report", "failed")
        return
    for test in json.loads(report.read_text())["tests"]:
        outcome = {"PASS": "passed", "XFAIL": "passed", "FLAKYPASS": "passed", "UNSUPPORTED": "skipped",
                   "SKIPPED": "skipped"}.get(test["code"], "failed")
        tally.add(f"{preset}: {test['name']}", outcome, " ".join(test["output"].split()) if outcome == "skipped" else "")


def lit(preset):
    """The lit that CMake found, read from its cache."""
    for line in (BUILD / preset / "CMakeCache.txt").read_text().splitlines():
        if line.startswith("LLVM_DIR:"):
            return str(Path(line.split("=", 1)[1]).parent.parent.parent / "bin" / "lit")
    return "lit"


def start_python():
    """Fetches the virtual environments of the Python tests beside the build; lit skips those tests without them."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "setup-python.log", "w") as log:
        return subprocess.Popen(["scripts/setup-python.sh"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)


def wait_for_python(setup):
    start = time.monotonic()
    setup.wait()
    log = (BUILD / "setup-python.log").read_text(errors="replace").strip()
    print(f"\n=== Python for tests: waited {time.monotonic() - start:.0f} s" + (f"\n{log}" if log else ""), flush=True)


def check(preset, tally):
    python = start_python() if preset == "dev" else None
    built = build(preset, tally)
    if built:
        google_tests(preset, tally)
    if python:
        wait_for_python(python)
    if built and preset == "dev":
        lit_tests(preset, tally)


def main():
    start = time.monotonic()
    tally = Tally()
    for preset in sys.argv[1:] or ["dev", "runtime", "asan"]:
        check(preset, tally)
    print(f"\n=== all of it took {time.monotonic() - start:.0f} s")
    for name in tally.skipped:
        print(f"skipped: {name}")
    for name in tally.failed:
        print(f"FAILED: {name}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
