"""Reads and writes safetensors files and sharded folders, without the package."""

import json
from pathlib import Path

import numpy as np

from test.reference.numerics import from_bf16_bits, to_bf16_bits

STORAGE = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32,
           "F64": np.float64, "I32": np.int32, "I64": np.int64}


def read(path):
    """{name: (type name, array)}; bf16 comes as f32 values."""
    return parse(Path(path).read_bytes())


def parse(data):
    """As `read`, of a file's bytes."""
    end = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:end]).items():
        if name == "__metadata__":
            continue
        begin, stop = entry["data_offsets"]
        raw = np.frombuffer(data[end + begin:end + stop],
                            STORAGE[entry["dtype"]]).reshape(entry["shape"])
        value = from_bf16_bits(raw) if entry["dtype"] == "BF16" else raw
        tensors[name] = (entry["dtype"], value)
    return tensors


def write(path, tensors, dtype="F32"):
    """Writes {name: array}, each rounded to nearest even to `dtype`."""
    header, chunks, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in tensors.items():
        raw = (to_bf16_bits(value) if dtype == "BF16"
               else np.asarray(value).astype(STORAGE[dtype])).tobytes()
        header[name] = {"dtype": dtype, "shape": list(np.shape(value)),
                        "data_offsets": [offset, offset + len(raw)]}
        chunks.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(len(text).to_bytes(8, "little") + text
                           + b"".join(chunks))


def read_folder(folder):
    """All tensors of a Hugging Face directory, single or sharded."""
    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return read(folder / "model.safetensors")
    files = json.loads(index.read_text())["weight_map"]
    shards = {file: read(folder / file) for file in set(files.values())}
    return {name: shards[file][name] for name, file in files.items()}


def write_folder(folder, tensors, dtype, shards=1):
    folder = Path(folder)
    if shards == 1:
        write(folder / "model.safetensors", tensors, dtype)
        return
    names = list(tensors)
    weight_map, size = {}, 0
    for shard in range(shards):
        part = names[shard * len(names) // shards:
                     (shard + 1) * len(names) // shards]
        # The releases number with five digits, then six.
        file = f"model-{shard + 1:05d}-of-{shards:06d}.safetensors"
        write(folder / file, {name: tensors[name] for name in part}, dtype)
        weight_map |= {name: file for name in part}
        width = np.dtype(STORAGE[dtype]).itemsize
        size += sum(tensors[name].size * width for name in part)
    (folder / "model.safetensors.index.json").write_text(json.dumps(
        {"metadata": {"total_size": size}, "weight_map": weight_map}, indent=1))
