"""Small datasets in the file layouts of the published ones, made of generated pixels."""

import gzip
import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wae.planning import places

EXACT: dict[str, Any] = {"height": 8, "width": 8, "fit": "exact"}  # options of a folder of the tree below
NOWHERE = "http://127.0.0.1:9/"  # the discard port: refused at once


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def idx_bytes(array: np.ndarray) -> bytes:
    """The idx format: two zero bytes, 8 for uint8, the number of axes, each length as big-endian int32, the data."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


def make_idx(raw: Path, monkeypatch: Any, train: int = 28, test: int = 7, name: str = "MNIST") -> dict[str, np.ndarray]:
    """Four idx files of random images; the suite takes them for the published ones of ``name``."""
    arrays = {
        "train-images-idx3-ubyte": noise(train, 28, 28, seed=1),
        "train-labels-idx1-ubyte": (np.arange(train) % 5).astype(np.uint8),
        "t10k-images-idx3-ubyte": noise(test, 28, 28, seed=2),
        "t10k-labels-idx1-ubyte": (np.arange(test) % 5).astype(np.uint8),
    }
    raw.mkdir(parents=True)
    known = {}
    for file, array in arrays.items():
        (raw / file).write_bytes(idx_bytes(array))
        known[file] = ((raw / file).stat().st_size, sha256((raw / file).read_bytes()))
    monkeypatch.setitem(places.IDX_FILES, name, known)
    return arrays


def make_archives(folder: Path, arrays: dict[str, np.ndarray], monkeypatch: Any) -> None:
    """The four .gz files of ``make_idx`` in ``folder``, with torchvision's MD5 list set to them."""
    from torchvision.datasets import MNIST

    resources = []
    for file, array in arrays.items():
        packed = gzip.compress(idx_bytes(array), mtime=0)
        (folder / f"{file}.gz").write_bytes(packed)
        resources.append((f"{file}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)


def make_cifar(root: Path, monkeypatch: Any, each: int = 12) -> dict[str, np.ndarray]:
    """CIFAR-10's six batches of ``each`` random images, with torchvision's MD5 lists set to them."""
    from torchvision.datasets import CIFAR10

    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    images, sums = {}, {}
    for number, name in enumerate(places.CIFAR_FILES):
        content: dict[str, Any] = {"label_names": [f"class {i}" for i in range(10)]}
        if name != "batches.meta":
            images[name] = noise(each, 3, 32, 32, seed=number)
            content = {"data": images[name].reshape(each, -1), "labels": [i % 10 for i in range(each)]}
        packed = pickle.dumps(content)
        (folder / name).write_bytes(packed)
        sums[name] = hashlib.md5(packed).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [[f"data_batch_{i}", sums[f"data_batch_{i}"]] for i in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    return images


def jpeg(height: int = 218, width: int = 178, seed: int = 0) -> bytes:
    """A smooth random RGB picture as JPEG."""
    coarse = Image.fromarray(noise(7, 6, 3, seed=seed)).resize((width, height), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    coarse.save(stream, "JPEG", quality=95)
    return stream.getvalue()


def make_celeba(root: Path, counts: tuple[int, int, int] = (6, 3, 4)) -> list[str]:
    """Generated pictures in CelebA's layout: train, valid and test ``counts``; returns the file names."""
    base = root / "celeba"
    (base / "img_align_celeba").mkdir(parents=True)
    parts = [part for part, count in enumerate(counts) for _ in range(count)]
    names = [f"{i:06d}.jpg" for i in range(1, len(parts) + 1)]
    for seed, name in enumerate(names):
        (base / "img_align_celeba" / name).write_bytes(jpeg(seed=seed))
    (base / "list_eval_partition.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(names, parts, strict=True)))
    lines = "".join(f"{n} {1 if i % 3 else -1:2d} {-1 if i % 2 else 1:2d} \n" for i, n in enumerate(names))
    (base / "list_attr_celeba.txt").write_text(f"{len(names)}\nSmiling Eyeglasses \n{lines}")
    return names


def mirrors(monkeypatch: Any, *addresses: str) -> None:
    """Let MNIST be fetched from ``addresses`` alone."""
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", list(addresses))


def save(path: Path, pixels: np.ndarray) -> np.ndarray:
    """Save ``pixels`` as a picture, with the folders that it needs; returns them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels
