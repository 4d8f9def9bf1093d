# SPDX-License-Identifier: Apache-2.0
"""What the lints share: the files of the repository, and how a finding is reported."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def files(*suffixes):
    """Tracked and new files (not ignored ones), as paths relative to the root, optionally only of some suffixes."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    found = [name for name in sorted(set(listed)) if (ROOT / name).is_file()]
    return [name for name in found if not suffixes or name.endswith(suffixes)]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def finish(findings, examined):
    """Prints every finding and ends the lint; a lint that examined nothing has failed, too."""
    for finding in findings:
        print(finding)
    if not examined:
        print("this lint found nothing to examine: has something moved?")
    print(f"{examined} examined, {len(findings)} findings")
    sys.exit(1 if findings or not examined else 0)
