"""Counts the bytes of the tensors that a piece of PyTorch makes and still needs."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Recorder(TorchDispatchMode):
    """Notes in `events` when each storage comes, as its number and bytes, and when it goes, as its number and None."""

    def __init__(self):
        super().__init__()
        self.events = []
        # By the identity of the storage: its number, and what calls us when it goes.
        self.living = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        answer = function(*args, **(kwargs or {}))
        # What is handed in and was not made here is no news.
        known = {id(leaf.untyped_storage()) for leaf in tensors((args, kwargs))}
        for leaf in tensors(answer):
            storage = leaf.untyped_storage()
            if id(storage) not in known and id(storage) not in self.living:
                self.come(storage)
        return answer

    def come(self, storage):
        number, identity = len(self.events), id(storage)

        def go(_):
            self.events.append((number, None))
            del self.living[identity]

        self.living[identity] = number, weakref.ref(storage, go)
        self.events.append((number, storage.nbytes()))


def tensors(tree):
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor)]


def peak_live_bytes(run):
    """The most bytes of storages that `run` made and that lived at once, without those that it returns.

    None where PyTorch does not tell when a storage goes, as before version 2.1.
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
