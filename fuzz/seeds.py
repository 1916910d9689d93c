"""Writes the fuzzers' seeds: a few inputs of each kind, nearly all of them valid.

    python fuzz/seeds.py PROGRAM

PROGRAM is a ckpt-gpu, which writes models and snapshots. Takes NumPy.
"""

import gzip
import io
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SEEDS = Path(__file__).parent / "seeds"

TABLE = "size,colour,weight,target\n1.5,red,3,yes\n2,blue,,no\n-1e3,red,4.5,yes\n0,,7,no\n"
TABLES = {
    "table": "\0" + TABLE.replace(",,", ",1,"),
    "missing": "\x05" + TABLE,
    "median": "\x02" + TABLE,
    "semicolons": "\x10" + TABLE.replace(",", ";").replace(";;", ";NA;"),
    "numbers": "\x08a,b,y\n1,2,3\n4,5e-3,6\n7,8,9.5\n",
    "quotes": '\0\ufeff"a b","c""d",label\r\n1,"x, y",01\r\n2,"z\nz",02\r\n',
}
CONFIG = {
    "usual": 'every = 10\nlr = 0.01\nhidden = "64x4"\nstandardise = true\ndata = "table.csv"\n',
    "several": 'save = ["a.npz", "b.onnx"]\nbudget = "10MB"\noptimizer = "adamw"\nsteps = 1_000\n',
    "wrong": "every = [1]\nlayers = 784\n\n[table]\nx = 1979-05-27\n",
}
RECIPES = {
    "blobs": "blobs,noise=0.3",
    "spirals": "spirals,samples=5000,turns=2.5,classes=3",
    "sines": "sines, features=4, outputs=2, frequency=1e1, seed=18446744073709551615",
}


def write(kind, name, data):
    folder = SEEDS / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def npz(save, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def idx(kind, array):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


numbers = np.arange(6).reshape(2, 3)
for dtype in ["<f4", ">f4", "<f8", "<f2", "|u1", "|i1", "<i8", ">u2", "|b1"]:
    write("npy", dtype[1:] + "_" + "lb"[dtype[0] == ">"], npy(numbers.astype(dtype)))
write("npy", "fortran", npy(np.asfortranarray(numbers.astype("<f8"))))
write("npy", "version_2", npy(numbers.astype("<f4"), (2, 0)))
write("npy", "version_3", npy(numbers.astype("<f4"), (3, 0)))
write("npy", "number", npy(np.float32(3.5)))
write("npy", "empty", npy(np.zeros((0, 3), "<f4")))
# As Python 2 wrote them: long integers, keys in another order, and a shorter padding.
old = b"{'shape': (2L, 3L), 'fortran_order': False, 'descr': '<f4'}    \n"
write("npy", "python_2", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(old)) + old + numbers.astype("<f4").tobytes())
write("npy", "record", npy(np.zeros(2, [("a", "<f4"), ("b", "<i2")])))

arrays = {"x": numbers.astype("<f4"), "y": np.array([0, 1], "u1")}
write("npz", "stored", npz(np.savez, **arrays))
write("npz", "deflated", npz(np.savez_compressed, **arrays))
write("npz", "one", npz(np.savez, data=numbers))

write("idx", "bytes", idx(8, numbers.astype("u1")))
write("idx", "gzipped", gzip.compress(idx(8, numbers.astype("u1")), mtime=0))
write("idx", "integers", idx(0x0C, numbers.astype(">i4")))
write("idx", "doubles", idx(0x0E, numbers.astype(">f8")))

for name, text in TABLES.items():
    write("csv", name, text)
for name, text in CONFIG.items():
    write("config", name, text)
for name, text in RECIPES.items():
    write("recipe", name, text)

# Layer normalisation as earlier versions wrote it.
write("architecture", "layer_norm", '{"widths":[4,2,2,2],"activation":"relu","loss":"mse","residual":true,"layer_norm":true}')

with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    (folder / "table.csv").write_text(TABLE)
    for name, flags in {
        "classes": ["--impute", "mean", "--impute-indicators"],
        "plain": ["--drop", "colour", "--drop", "weight", "--standardise=false", "--optimizer", "sgd", "--residual"],
        "normalised": ["--impute", "zero", "--layer-norm", "--optimizer", "momentum"],
        "scaled": ["--impute", "zero", "--rms-norm", "--optimizer", "sgd"],
    }.items():
        base = folder / name
        subprocess.run(
            [sys.argv[1], "train", "--data", folder / "table.csv", "--hidden", "2x2", "--epochs", "1", "--quiet"]
            + ["--device", "cpu", "--save", f"{base}.safetensors", "--save", f"{base}.npz", "--snapshot", base]
            + flags,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        model = Path(f"{base}.safetensors").read_bytes()
        write("safetensors", name, model)
        header = json.loads(model[8 : 8 + struct.unpack("<Q", model[:8])[0]])
        write("architecture", name, header["__metadata__"]["ckpt-gpu"])
        write("model_npz", name, Path(f"{base}.npz").read_bytes())
        # The fuzzer adds the checksum.
        write("snapshot", name, max(base.glob("*.ckpt")).read_bytes()[:-32])
