"""Counts the live bytes of the tensors that a PyTorch function makes."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Recorder(TorchDispatchMode):
    """Records in `events` when each storage is allocated, as (number, bytes), and freed, as (number, None)."""

    def __init__(self):
        super().__init__()
        self.events = []
        # By identity of the storage: its number, and a reference that calls us when it is freed.
        self.living = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        answer = function(*args, **(kwargs or {}))
        # Storages of the arguments are not new.
        known = {id(leaf.untyped_storage()) for leaf in tensors((args, kwargs))}
        for leaf in tensors(answer):
            storage = leaf.untyped_storage()
            if id(storage) not in known and id(storage) not in self.living:
                self.allocated(storage)
        return answer

    def allocated(self, storage):
        number, identity = len(self.events), id(storage)

        def freed(_):
            self.events.append((number, None))
            del self.living[identity]

        self.living[identity] = number, weakref.ref(storage, freed)
        self.events.append((number, storage.nbytes()))


def tensors(tree):
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor)]


def peak_live_bytes(run):
    """Peak bytes of the storages that `run` makes, without those that it returns.

    None before PyTorch 2.1, which does not tell when a storage is freed.
    """
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 1):
        return None
    with Recorder() as recorder:
        answers = run()
    apart = {recorder.living[id(answer.untyped_storage())][0] for answer in tensors(answers)}
    live, now, peak = {}, 0, 0
    for number, size in recorder.events:
        if number in apart:
            continue
        if size is None:
            now -= live.pop(number)
        else:
            live[number] = size
            now += size
        peak = max(peak, now)
    return peak
