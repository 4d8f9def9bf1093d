# SPDX-License-Identifier: Apache-2.0
"""How long do our kernel and its peers take on the same tensors? Without PyTorch our kernel is only launched."""
import statistics

import npy
from library import Failure, Kernel
from problems import MASKS

# All sets of tensors together are more than any second-level cache holds.
SET_BYTES, MOST_SETS = 512 << 20, 8


def load_torch():
    try:
        import torch
        return torch if torch.cuda.is_available() else None
    except ImportError:
        return None


class Tensors:
    """q, k and v, so many times over, the tables, and results; made by PyTorch, or by the device itself."""

    def __init__(self, device, problem, torch):
        self.shape = (problem.batch, problem.heads, problem.tokens, problem.width)
        size = 2 * problem.batch * problem.heads * problem.tokens * problem.width
        self.torch, self.device, self.problem = torch, device, problem
        self.sets, self.tables, self.kept = [], {}, []
        count = max(2, min(MOST_SETS, SET_BYTES // (4 * size)))
        for _ in range(count if torch else 1):
            if torch:
                self.sets.append([torch.randn(self.shape, device="cuda", dtype=torch.bfloat16) for _ in range(3)])
            else:
                self.sets.append([device.allocate(size) for _ in range(3)])
        for name, (dtype, shape, numbers) in problem.tables().items():
            self.tables[name] = self.table(dtype, shape, numbers), shape

    def table(self, dtype, shape, numbers):
        if not self.torch:
            data = npy.encode(dtype, numbers)
            return self.device.allocate(len(data), data)
        kind = {"i32": self.torch.int32, "f32": self.torch.float32}[dtype]
        self.kept.append(self.torch.tensor(numbers, device="cuda", dtype=kind).reshape(shape))
        return self.kept[-1].data_ptr()

    def result(self, operand):
        shape = self.shape[:3] if len(operand.shape) == 3 else self.shape
        if not self.torch:
            elements = 1
            for size in shape:
                elements *= size
            return None, self.device.allocate(npy.BYTES[operand.dtype] * elements), shape
        kind = {"bf16": self.torch.bfloat16, "f16": self.torch.float16, "f32": self.torch.float32}[operand.dtype]
        made = self.torch.empty(shape, device="cuda", dtype=kind)
        return made, made.data_ptr(), shape

    def address(self, tensor):
        return tensor.data_ptr() if self.torch else tensor


def bind(kernel, problem, tensors):
    """A launch for each set of tensors, and what the first result is written to."""
    values, output = dict(problem.scalars()), None
    for operand in kernel.operands:
        if operand.is_result:
            made, address, shape = tensors.result(operand)
            values[operand.name] = (address, shape)
            output = made if output is None else output
            tensors.kept.append(made)
        elif operand.role == "table":
            values[operand.name] = tensors.tables[operand.name]
    launches = []
    for q, k, v in tensors.sets:
        for name, tensor in zip("qkv", (q, k, v)):
            values[name] = (tensors.address(tensor), tensors.shape)
        launches.append(kernel.bind(values))
    return launches, output


def medians(torch, contenders, sets):
    """The median milliseconds of each contender, which take turns; `sets` inputs rotate."""
    def timed(run, index):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run(index)
        end.record()
        return start, end

    estimate = 0.0
    for run in contenders.values():
        for index in range(3):
            pair = timed(run, index % sets)
        torch.cuda.synchronize()
        estimate += pair[0].elapsed_time(pair[1])
    rounds = max(11, min(60, int(600 / max(estimate, 1e-3))))
    # The processor gets ahead while the GPU sleeps, so that no event waits for a launch.
    torch.cuda._sleep(20_000_000)
    pairs = {name: [] for name in contenders}
    for index in range(rounds):
        for name, run in contenders.items():
            pairs[name].append(timed(run, index % sets))
    torch.cuda.synchronize()
    return {name: statistics.median(start.elapsed_time(end) for start, end in found) for name, found in pairs.items()}


class Bench:
    """One row of the table: a problem, for one kernel and its peers."""

    def __init__(self, folder, made, target, device, torch, peers):
        self.folder, self.made, self.target, self.device = folder, made, target, device
        self.torch, self.peers = torch, peers

    def row(self, problem):
        kernel = Kernel(self.device, self.folder / self.made["bundles"][self.target], MASKS[problem.mask][1])
        try:
            tensors = Tensors(self.device, problem, self.torch)
            launches, output = bind(kernel, problem, tensors)
            if self.torch:
                return self.timed(problem, tensors, launches, output)
            for launch in launches:
                launch()
            self.device.synchronize()
            return {"milliseconds": {}, "peers": {name: "no PyTorch" for name in self.peers.names(problem)}}
        finally:
            kernel.close()
            self.device.free_all()
            if self.torch:
                self.torch.cuda.empty_cache()

    def timed(self, problem, tensors, launches, output):
        stream = self.torch.cuda.current_stream().cuda_stream
        contenders = {"attune": lambda index: launches[index](stream)}
        said, differences = {}, {}
        contenders["attune"](0)
        ours = output.float()
        for name in self.peers.names(problem):
            try:
                run = self.peers.make(name, problem, tensors)
                theirs = run(0).float()
                differences[name] = self.difference(ours, theirs)
                contenders[name] = run
            except Exception as error:  # a peer that cannot is reported, and the row goes on
                if isinstance(error, Failure):
                    raise
                said[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
        return {"milliseconds": medians(self.torch, contenders, len(tensors.sets)), "peers": said,
                "differences": differences}

    def difference(self, ours, theirs):
        """The largest difference as a share of the largest number; infinite where either is not a number."""
        largest = (ours - theirs).abs().max().item() / max(theirs.abs().max().item(), 1e-30)
        return largest if largest == largest else float("inf")
