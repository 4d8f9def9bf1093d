# SPDX-License-Identifier: Apache-2.0
"""Do compiled kernels pass the self-tests that the compiler gives them? Loaded on a simulated GPU, with ATTUNE_SELF_TEST=on.

  test/gpu/selftests.py TOOLS LIBRARY FOLDER TARGET SOURCES...
"""
import os
import re
import subprocess
import sys
from pathlib import Path

from library import Device, Failure, Kernel, Library


def load(device, bundle, source):
    """What loading the kernel says; "" when it is taken."""
    if b'"self_test"' not in bundle.read_bytes():
        return "has no self-test"
    name = re.search(r"attn\.kernel @(\w+)", source.read_text()).group(1)
    try:
        Kernel(device, bundle, name).close()
        return "passes"
    except Failure as error:
        return str(error).split("; it is not launched")[0]


def main():
    tools, library, folder, target = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["ATTUNE_SELF_TEST"] = "on"
    device = Device(Library(library), "sim:sm_" + "".join(filter(str.isdigit, target)))
    for source in map(Path, sys.argv[5:]):
        bundle = folder / f"{source.stem}.{target}.attn"
        subprocess.run([tools / "attn-compile", source, f"--target={target}", "--no-cubin", "--self-test=on", "-o",
                        bundle], check=True)
        print(f"{source.stem}: {load(device, bundle, source)}", flush=True)


main()
