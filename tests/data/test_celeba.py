"""CelebA, on generated files in its published layout: crop, splits, attributes, zip, and a line for each fault."""

import hashlib
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.shared import data as make
from wae.core.errors import UserError
from wae.core.settings import DatasetSettings
from wae.data.celeba_files import CelebAFiles
from wae.data.source import Dataset, load, prepare
from wae.data.torchvision import authors_shuffle, celeba

MONKEY = pytest.MonkeyPatch


def expected_celeba(path: Path) -> np.ndarray:
    """The authors' lines: crop (19, 39, 159, 179), resize to 64 x 64 by Lanczos; here as (3, 64, 64)."""
    with Image.open(path) as picture:
        cut = picture.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.LANCZOS)
    return np.moveaxis(np.array(cut), 2, 0)


def names_of(dataset: Dataset, root: Path, names: list[str]) -> tuple[list[str], list[str]]:
    """Which files the images of train and test come from."""
    of = {expected_celeba(root / "celeba/img_align_celeba" / name).tobytes(): name for name in names}
    return tuple([of[image.tobytes()] for image in split.images] for split in (dataset.train, dataset.test))  # type: ignore[return-value]


def test_celeba_is_cropped_and_split_as_its_lists_say(tmp_path: Path) -> None:
    names = make.make_celeba(tmp_path)
    dataset = celeba(tmp_path, checked=False)
    assert dataset.train.images.shape == (6, 3, 64, 64)
    assert dataset.train.labels is None
    assert names_of(dataset, tmp_path, names) == (names[:6], names[9:])
    valid = celeba(tmp_path, checked=False, held_out="valid")
    assert names_of(valid, tmp_path, names) == (names[:6], names[6:9])


def test_celebas_crop_is_the_middle_of_the_picture(tmp_path: Path) -> None:
    from torchvision.transforms.functional import center_crop

    make.make_celeba(tmp_path)
    with Image.open(tmp_path / "celeba/img_align_celeba/000001.jpg") as picture:
        cut = center_crop(picture, [140, 140]).resize((64, 64), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(celeba(tmp_path, checked=False).train.images[0], np.moveaxis(np.array(cut), 2, 0))


def test_celeba_from_its_zip_is_the_same_and_nothing_is_unpacked(tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    unpacked = celeba(tmp_path, checked=False)
    images = tmp_path / "celeba/img_align_celeba"
    with zipfile.ZipFile(tmp_path / "celeba/img_align_celeba.zip", "w") as archive:
        archive.writestr("../escaped.jpg", b"hostile")
        for file in sorted(images.iterdir()):
            archive.write(file, f"img_align_celeba/{file.name}")
    images.rename(tmp_path / "elsewhere")
    before = sorted(tmp_path.rglob("*"))
    zipped = celeba(tmp_path, checked=False)
    np.testing.assert_array_equal(zipped.train.images, unpacked.train.images)
    np.testing.assert_array_equal(zipped.test.images, unpacked.test.images)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_attribute_labels_the_images(tmp_path: Path) -> None:
    make.make_celeba(tmp_path, (6, 4, 4))
    dataset = celeba(tmp_path, checked=False, attribute="Smiling")
    assert dataset.train.labels is not None
    assert dataset.test.labels is not None
    assert dataset.train.labels.tolist() == [int(i % 3 > 0) for i in range(6)]
    assert dataset.test.labels.tolist() == [int(i % 3 > 0) for i in range(10, 14)]
    other = celeba(tmp_path, checked=False, attribute="Eyeglasses").train.labels
    assert other is not None
    assert other.tolist() == [1, 0, 1, 0, 1, 0]
    with pytest.raises(UserError, match="attribute of CelebA 'Smilng': known are Eyeglasses, Smiling; did you mean"):
        celeba(tmp_path, checked=False, attribute="Smilng")


def test_celebas_random_split_holds_out_the_authors_share(tmp_path: Path) -> None:
    names = make.make_celeba(tmp_path, (14, 5, 11))
    dataset = celeba(tmp_path, checked=False, split="paper")
    train, test = names_of(dataset, tmp_path, names)
    assert len(test) == 3  # 30 * 20,000 / 202,599 is 2.96
    assert sorted([*train, *test]) == names
    assert test == sorted(np.array(names)[authors_shuffle(30)[-3:]])


def test_the_authors_shuffle_is_that_of_python_2() -> None:
    """``for i in reversed(xrange(1, len(x))): j = int(random() * (i + 1))``, then the two are swapped."""
    generator = random.Random(123)
    draws = [generator.random() for _ in range(4)]
    assert [round(draw, 4) for draw in draws] == [0.0524, 0.0872, 0.4072, 0.1077]
    # Places 4, 3, 2, 1 change with int(draw * 5), int(draw * 4), ... = 0, 0, 1, 0:
    # 41230, 31240, 32140, 23140.
    assert authors_shuffle(5).tolist() == [2, 3, 1, 4, 0]
    order = authors_shuffle(202_599)
    assert sorted(order.tolist()) == list(range(202_599))
    assert round(len(order) * 20_000 / 202_599) == 20_000


Change = Callable[[Path], object]


def _edit(file: str, old: str, new: str) -> Change:
    def change(base: Path) -> None:
        text = (base / file).read_text()
        assert old in text
        (base / file).write_text(text.replace(old, new, 1))

    return change


def _truncate(base: Path) -> None:
    file = base / "img_align_celeba/000002.jpg"
    file.write_bytes(file.read_bytes()[:-700])


CELEBA_FAULTS: dict[str, tuple[Change, str]] = {
    "no list": (lambda base: (base / "list_eval_partition.txt").unlink(), "celeba: lacks list_eval_partition.txt;"),
    "no attributes": (lambda base: (base / "list_attr_celeba.txt").unlink(), "celeba: lacks list_attr_celeba.txt;"),
    "no images": (
        lambda base: (base / "img_align_celeba").rename(base / "images"),
        r"celeba: lacks img_align_celeba/ \(or img_align_celeba.zip\);",
    ),
    "missing image": (lambda base: (base / "img_align_celeba/000002.jpg").unlink(), "000002.jpg: No such file or dir"),
    "truncated image": (_truncate, "000002.jpg: not a whole PNG or JPEG image .*truncated"),
    "other size": (
        lambda base: (base / "img_align_celeba/000002.jpg").write_bytes(make.jpeg(218, 180)),
        "000002.jpg: 180 x 218 pixels, aligned images have 178 x 218",
    ),
    "part 3": (_edit("list_eval_partition.txt", "000004.jpg 0", "000004.jpg 3"), r"'000004.jpg' has 3, must be one of"),
    "no part": (_edit("list_eval_partition.txt", "000004.jpg 0", "000004.jpg"), "'000004.jpg' has nothing"),
    "escape": (_edit("list_eval_partition.txt", "000004.jpg", "../../x.jpg"), "'../../x.jpg' is not a file name"),
    "empty list": (lambda base: (base / "list_eval_partition.txt").write_text(""), "partition.txt: is empty"),
    "binary list": (
        lambda base: (base / "list_eval_partition.txt").write_bytes(b"\xff\xfe"),
        "partition.txt: not text",
    ),
    "other order": (_edit("list_attr_celeba.txt", "000004.jpg", "000099.jpg"), "does not list the images of"),
    "other value": (_edit("list_attr_celeba.txt", "000001.jpg -1", "000001.jpg 5"), "'000001.jpg' has 5, must be one"),
}


@pytest.mark.parametrize("name", CELEBA_FAULTS)
def test_celebas_faults(name: str, tmp_path: Path) -> None:
    change, message = CELEBA_FAULTS[name]
    make.make_celeba(tmp_path)
    change(tmp_path / "celeba")
    with pytest.raises(UserError, match=message) as caught:
        celeba(tmp_path, checked=False, attribute="Smiling")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged"])
def test_a_torn_celeba_zip(content: bytes, tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    (tmp_path / "celeba/img_align_celeba").rename(tmp_path / "celeba/images")
    (tmp_path / "celeba/img_align_celeba.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"img_align_celeba\.zip: not a whole zip"):
        celeba(tmp_path, checked=False)


def test_celeba_zip_without_an_image_and_with_a_broken_one(tmp_path: Path) -> None:
    names = make.make_celeba(tmp_path)
    images = tmp_path / "celeba/img_align_celeba"
    images.rename(tmp_path / "celeba/images")
    path = tmp_path / "celeba/img_align_celeba.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names[:-1]:
            archive.write(tmp_path / "celeba/images" / name, f"img_align_celeba/{name}")
    with pytest.raises(UserError, match=r"zip:img_align_celeba/000013\.jpg: cannot be read"):
        celeba(tmp_path, checked=False)
    data = bytearray(path.read_bytes())
    data[300] ^= 255
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"000001\.jpg: cannot be read \(Bad CRC-32"):
        celeba(tmp_path, checked=False)


def test_generated_lists_are_not_taken_for_the_published_ones(tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    with pytest.raises(UserError, match=r"list_eval_partition\.txt: MD5 is .* must be d32c9cbf5e040fd4025c59"):
        celeba(tmp_path)


def test_checked_asks_for_the_published_count_and_archive(tmp_path: Path, monkeypatch: MONKEY) -> None:
    from torchvision.datasets import CelebA

    make.make_celeba(tmp_path)
    base = tmp_path / "celeba"
    digest = hashlib.md5((base / "list_eval_partition.txt").read_bytes()).hexdigest()
    rest = [entry for entry in CelebA.file_list if entry[2] != "list_eval_partition.txt"]
    monkeypatch.setattr(CelebA, "file_list", [("", digest, "list_eval_partition.txt"), *rest])
    with pytest.raises(UserError, match=r"lists 13 images, must be 202,599"):
        celeba(tmp_path)
    (base / "img_align_celeba").rename(base / "images")
    (base / "img_align_celeba.zip").write_bytes(b"other")
    with pytest.raises(UserError, match=r"img_align_celeba\.zip: MD5 is"):
        celeba(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "random"}, "value of option split"),
        ({"held_out": "train"}, "value of option held_out"),
        ({"checked": "no"}, "option checked is 'no'; it must be true or false"),
        ({"attribute": 3}, "option attribute is 3"),
    ],
)
def test_options_of_celeba(options: dict[str, object], message: str, tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    with pytest.raises(UserError, match=message):
        celeba(tmp_path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ((6, 3, 0), {}, "lists give 0 test images, need 2 or more"),
        ((6, 1, 4), {"held_out": "valid"}, "lists give 1 valid images"),
        ((0, 3, 4), {}, "lists give 0 train images"),
        ((6, 3, 4), {"split": "paper"}, "lists give 1 test images"),
    ],
)
def test_an_empty_part_of_celeba_is_refused_before_a_picture_is_read(
    counts: tuple[int, int, int], options: dict[str, str], message: str, tmp_path: Path, monkeypatch: MONKEY
) -> None:
    make.make_celeba(tmp_path, counts)
    monkeypatch.setattr(CelebAFiles, "read", lambda *_: pytest.fail("read"))
    with pytest.raises(UserError, match=message):
        celeba(tmp_path, checked=False, **options)  # type: ignore[arg-type]


def test_celeba_prepared_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    make.make_celeba(tmp_path)
    options = {"checked": False, "split": "paper"}
    chosen = DatasetSettings(source="wae.data.torchvision:celeba", shape=[3, 64, 64], options=options)
    make.make_celeba(tmp_path / "big", (20, 5, 10))
    for out in ("a", "b"):
        prepare(chosen, tmp_path / "big", tmp_path / out)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert load(tmp_path / "a", "test").images.shape == (3, 3, 64, 64)
