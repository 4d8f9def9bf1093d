# SPDX-License-Identifier: Apache-2.0
# Which files are textual tests, where tools are found, and which features tests may require.
import os
import shutil

import lit.formats

config.name = "attune"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.join(config.attune_source, "test")
config.excludes = ["Inputs", "data"]
config.environment["PATH"] = os.pathsep.join([config.attune_bin, config.llvm_bin, os.environ["PATH"]])
config.substitutions.append(("%root", config.attune_source))
config.substitutions.append(("%bin", config.attune_bin))
# A driver that records calls and computes nothing (test/runtime/device/cuda).
config.substitutions.append(("%recording-cuda", config.attune_recording_cuda))
config.substitutions.append(("%python", shutil.which("python3") or "python3"))

if shutil.which("clang-format-22"):
    config.available_features.add("clang-format")

ptxas = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas") or shutil.which(
    os.path.join(config.attune_source, "build", "tools", "bin", "ptxas"))
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
else:
    lit_config.note("ptxas is not installed: tests that need it are skipped")
