"""Where data lies on disk, and what the well-known files are. Nothing here imports torch."""

import os
from pathlib import Path

# Size in bytes and sha256 of the uncompressed files, in the order train images, train labels, test images, test labels.
IDX_FILES = {
    "MNIST": {
        "train-images-idx3-ubyte": (
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        "train-labels-idx1-ubyte": (60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        "t10k-images-idx3-ubyte": (7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        "t10k-labels-idx1-ubyte": (10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    },
    "FashionMNIST": {
        "train-images-idx3-ubyte": (
            47_040_016,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        "train-labels-idx1-ubyte": (60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        "t10k-images-idx3-ubyte": (7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        "t10k-labels-idx1-ubyte": (10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    },
}
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_ARCHIVE = "cifar-10-python.tar.gz"
CIFAR_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
CIFAR_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
CELEBA_FOLDER = "celeba"
CELEBA_PARTITION = "list_eval_partition.txt"
CELEBA_ATTRIBUTES = "list_attr_celeba.txt"
CELEBA_IMAGES = "img_align_celeba"  # the folder; the archive adds .zip


def data_folder(root: Path | None) -> Path:
    """Where torchvision's datasets lie: ``root``, or ``data`` in the working folder."""
    return Path("data") if root is None else root


def own_path(path: str, root: Path | None) -> Path:
    """A path that a config names: absolute, or from ``root`` where one is set, or from the working folder.

    A ``~`` of nobody stays as it is: it may be the name of a file, or text that is no path.
    """
    named = Path(os.path.expanduser(path))
    return named if root is None else root / named


def shown(path: str | Path) -> str:
    """A path on one line of plain text, whatever bytes its name has."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
