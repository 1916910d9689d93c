"""Contenders: ckpt-gpu on its devices, and the peers. Each turn is a process of its own that times only its steps."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .works import BURN_SOFTWARE, HARDWARE, HOST, SOFTWARE

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ROOT / "target/release/ckpt-gpu"
DATA = ROOT / "data/mnist.npz"
PEERS = ROOT / "benches/peers"
BURN = PEERS / "burn/target/release/burn-peer"
# Time limit of a turn, in seconds; a contender that exceeds it counts as not run.
PATIENCE = 1800


class NotRun(Exception):
    """Reason why a contender cannot run."""


@dataclass(frozen=True)
class Ours:
    name: str
    kind: str
    flags: tuple
    does_every: bool = True

    def problem(self, here):
        """Reason why it cannot run here, or None."""
        return no_gpu(self, here)

    def run(self, here, work, every, steps, start):
        """Results of one turn."""
        flags = f"--preset accuracy --layers {work.layers} --batch {work.batch} --steps {steps} --every {every}"
        flags += " --repeats 1 --no-shuffle"
        command = [OURS, "compare", *flags.split(), *self.flags, "--data", DATA, "--init", start, "--json"]
        report = json.loads(output(command, dict(os.environ)))
        strategy = report["strategies"][0]
        return {
            "seconds_per_step": strategy["seconds"][0] / steps,
            "loss": strategy["epochs"][0]["loss"],
            "activation_bytes": strategy["activation_bytes"],
            "step_flops": strategy["step_flops"],
            "versions": {"ckpt-gpu": report["program"].split()[-1], "device": report["device"]},
        }


@dataclass(frozen=True)
class Peer:
    name: str
    kind: str
    # Script, named after the package that it needs; empty for burn's program.
    script: str
    flags: tuple = field(default=())
    does_every: bool = True

    def problem(self, here):
        """As of `Ours`."""
        if self.script and self.package not in here.pythons:
            return f"no interpreter here imports {self.package}"
        if not self.script and not BURN.exists():
            return "not built: run cargo build --release in benches/peers/burn"
        return no_gpu(self, here)

    @property
    def package(self):
        return self.script.partition("_")[0]

    def run(self, here, work, every, steps, start):
        """As of `Ours`."""
        program = [here.pythons[self.package], PEERS / self.script] if self.script else [BURN]
        flags = f"--layers {work.layers} --batch {work.batch} --steps {steps} --every {every}"
        command = [*program, *flags.split(), *self.flags, "--data", DATA, "--init", start]
        # These make OpenBLAS use the kernels and blocks of another CPU; peers are timed at their best.
        slowing = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
        environment = {name: value for name, value in os.environ.items() if name not in slowing}
        line = json.loads(output(command, environment).splitlines()[-1])
        return {
            "seconds_per_step": line["seconds_per_step"],
            "loss": line["loss"],
            "activation_bytes": line["peak_activation_bytes"],
            "versions": line["versions"],
        }


CONTENDERS = [
    Ours("cpu", HOST, ("--device", "cpu")),
    Peer("numpy", HOST, "numpy_notebook.py"),
    Peer("jax", HOST, "jax_jit.py"),
    Peer("torch", HOST, "torch_mlp.py"),
    Ours("software", SOFTWARE, ("--device", "software")),
    Ours("software-no-fuse", SOFTWARE, ("--device", "software", "--no-fuse")),
    Peer("burn-software", BURN_SOFTWARE, "", ("--adapter", "software"), False),
    Peer("burn-software-checkpoint", BURN_SOFTWARE, "", ("--adapter", "software", "--checkpoint"), False),
    Ours("gpu", HARDWARE, ("--device", "gpu")),
    Ours("gpu-no-fuse", HARDWARE, ("--device", "gpu", "--no-fuse")),
    Peer("jax-gpu", HARDWARE, "jax_jit.py", ("--device", "gpu")),
    Peer("torch-gpu", HARDWARE, "torch_mlp.py", ("--device", "cuda")),
    Peer("torch-gpu-graph", HARDWARE, "torch_mlp.py", ("--device", "cuda", "--mode", "graph")),
    Peer("torch-gpu-compile", HARDWARE, "torch_mlp.py", ("--device", "cuda", "--mode", "compile")),
    Peer("burn-gpu", HARDWARE, "", ("--adapter", "gpu"), False),
    Peer("burn-gpu-checkpoint", HARDWARE, "", ("--adapter", "gpu", "--checkpoint"), False),
]
OUR_NAMES = {contender.name for contender in CONTENDERS if isinstance(contender, Ours)}


@dataclass
class Here:
    """Devices and interpreters of this machine."""

    # As `ckpt-gpu devices` lists them, best first.
    devices: list
    # Interpreter by the package that it imports.
    pythons: dict

    @classmethod
    def look(cls, named):
        """`named` has the interpreters that the user named, by package."""
        listed = [json.loads(line) for line in output([OURS, "devices", "--json"], dict(os.environ)).splitlines()]
        devices = [{"flag": line["flag"], **line["device"]} for line in listed]
        return cls(devices, {**interpreters({"numpy", "jax", "torch"} - named.keys()), **named})

    @property
    def has_gpu(self):
        return any(device["flag"] == "gpu" for device in self.devices)


def interpreters(packages):
    """For each package, the first of the usual interpreters that imports it, if one does."""
    found = {}
    for python in (sys.executable, "python3", "/usr/bin/python3"):
        for package in sorted(packages - found.keys()):
            try:
                output([python, "-c", f"import numpy, {package}"], dict(os.environ))
                found[package] = python
            except NotRun:
                pass
    return found


def no_gpu(contender, here):
    return "no hardware GPU here" if contender.kind == HARDWARE and not here.has_gpu else None


def output(command, environment):
    """The output of a command; raises `NotRun` with the last line of its errors if it fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRun(str(error)) from error
    if run.returncode != 0:
        complaints = [line for line in run.stderr.splitlines() if line.strip() and not line.startswith("note:")]
        raise NotRun(complaints[-1] if complaints else f"exited with {run.returncode}")
    return run.stdout
