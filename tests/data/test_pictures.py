"""Pictures of one's own: what is read, how it is cut, and a line for each that is damaged."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.shared.data import EXACT, jpeg, noise, save
from wae.core.errors import UserError
from wae.data.own import folder
from wae.data.pictures import centred_box
from wae.evaluation.score import read_images


def png(pixels: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(stream, "PNG", **options)
    return stream.getvalue()


def gif() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(noise(8, 8)).save(stream, "GIF")
    return stream.getvalue()


def huge(side: int) -> bytes:
    """A PNG whose header claims ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def deep(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits per channel, which Pillow cannot write: grey with alpha, RGB or RGBA by its (H, W, C)."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


GOOD = png(noise(8, 8, 3))
BROKEN = {
    "empty": (b"", "not a whole PNG or JPEG"),
    "text": (b"no picture", "not a whole PNG or JPEG"),
    "truncated png": (GOOD[:-40], "not a whole PNG or JPEG"),
    "cut in the header": (GOOD[:20], "not a whole PNG or JPEG"),
    "flipped byte": (GOOD[:60] + bytes([GOOD[60] ^ 255]) + GOOD[61:], "not a whole PNG or JPEG"),
    "truncated jpeg": (jpeg(8, 8)[:-60], "not a whole PNG or JPEG"),
    "gif called png": (gif(), "not a whole PNG or JPEG"),
    "huge": (huge(12_000), "12000 x 12000 pixels, at most 100,000,000; shrink it"),
    "a bomb": (huge(20_000), "not a whole PNG or JPEG image .*400000000 pixels"),
    "16 bits": (png(noise(8, 8).astype(np.uint16)), "16 bits per channel; scale it and save it with 8"),
    **{
        f"16 bits, {channels} channels": (deep(noise(8, 8, channels).astype(np.uint16) * 16), "16 bits per channel")
        for channels in (2, 3, 4)
    },
    "transparent": (png(noise(8, 8, 4)), "has transparent pixels"),
    "transparent grey": (png(noise(8, 8, 2)), "has transparent pixels"),
    "transparent palette": (png(noise(8, 8), "P", transparency=b"\0" * 256), "has transparent pixels"),
    "other size": (png(noise(8, 9, 3)), "9 x 8 pixels, the dataset has 8 x 8; resize it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_named(name: str, tree: Path) -> None:
    content, message = BROKEN[name]
    (tree / "bee" / "05.png").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        folder(None, path=str(tree), **EXACT)
    assert str(tree / "bee" / "05.png") in str(caught.value)
    assert str(caught.value).isprintable()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_gives_a_picture_or_one_line(tmp_path: Path, data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([GOOD, jpeg(8, 8), gif(), png(noise(8, 8), "P")]))
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    base = tmp_path / "damaged"
    base.mkdir(exist_ok=True)
    for name in ("a.png", "b.png", "c.png", "d.png"):
        (base / name).write_bytes(GOOD if name != "b.png" else bytes(content))
    try:
        shape, line = folder(None, path=str(base), test_fraction=0.5, height=4, width=4).train.images.shape, "b.png"
    except UserError as error:
        shape, line = (2, 3, 4, 4), str(error)
    assert shape == (2, 3, 4, 4)
    assert "b.png" in line
    assert line.isprintable()


def test_grey_and_rgb_opaque_alpha_palette_and_bilevel(tmp_path: Path) -> None:
    grey = noise(8, 8)
    opaque = np.dstack([grey, grey, grey, np.full((8, 8), 255, np.uint8)])
    contents = [
        png(grey),
        png(opaque),
        png(np.dstack([grey, opaque[..., 3]])),
        png(grey, "P"),
        png(np.dstack([grey] * 3)),
    ]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.png").write_bytes(content)
    for channels in (1, 3):
        dataset = folder(None, path=str(tmp_path), channels=channels, test_fraction=0.4, **EXACT)
        images = np.concatenate([dataset.train.images, dataset.test.images])
        assert images.shape == (5, channels, 8, 8)
        assert (images == grey).all()
    (tmp_path / "0.png").write_bytes(png(grey > 127))
    images = folder(None, path=str(tmp_path), channels=1, test_fraction=0.4, **EXACT).train.images
    assert any(np.array_equal(image[0], np.where(grey > 127, 255, 0)) for image in images)


def test_colours_become_luma(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"{number}.png", np.full((8, 8, 3), (200, 100, 50), np.uint8))
    images = folder(None, path=str(tmp_path), channels=1, test_fraction=0.5, **EXACT).train.images
    assert (images == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()


def test_a_rotated_photograph_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:2] = 255  # bright on top as stored
    exif = Image.Exif()
    exif[0x0112] = 3  # stored upside down
    for number in range(4):
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg", exif=exif, quality=100)
    images = folder(None, path=str(tmp_path), channels=1, test_fraction=0.5, **EXACT).train.images
    assert images[0, 0, -2:].min() > 200
    assert images[0, 0, :4].max() < 50


def test_crop_takes_the_middle_and_stretch_the_whole(tmp_path: Path) -> None:
    wide = np.full((8, 24), 50, np.uint8)
    wide[:, 8:16] = 200
    for number in range(4):
        save(tmp_path / f"{number}.png", wide)
    options: dict[str, Any] = {"channels": 1, "height": 4, "width": 4, "test_fraction": 0.5}
    assert (folder(None, path=str(tmp_path), fit="crop", **options).train.images == 200).all()
    stretched = folder(None, path=str(tmp_path), fit="stretch", **options).train.images[0, 0]
    expected = np.array(Image.fromarray(wide).resize((4, 4), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(stretched, expected)
    assert stretched.min() < 100


@pytest.mark.parametrize(
    ("size", "form", "box"),
    [
        ((178, 218), (64, 64), (0, 20, 178, 198)),
        ((218, 178), (64, 64), (20, 0, 198, 178)),
        ((100, 50), (10, 40), (0, 12, 100, 37)),
        ((64, 64), (64, 64), (0, 0, 64, 64)),
        ((1, 1000), (1, 4096), (0, 499, 1, 500)),
        ((3, 3), (7, 5), (0, 0, 2, 3)),
    ],
)
def test_centred_box(size: tuple[int, int], form: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    assert centred_box(size, *form) == box


def scored(path: Path, side: int = 8) -> np.ndarray:
    return read_images(path, (3, side, side))


def from_folder(path: Path, side: int = 8) -> np.ndarray:
    return folder(None, path=str(path), labels="none", height=side, width=side, fit="exact").train.images


READERS = (from_folder, scored, lambda path: folder(None, path=str(path), **EXACT))


@pytest.mark.parametrize("reader", READERS)
def test_a_link_to_a_folder_is_named_and_not_left_out(reader: Any, tree: Path) -> None:
    (tree / "fox").symlink_to(tree / "ant", target_is_directory=True)
    with pytest.raises(UserError, match=r"/fox: a link to a folder, which is not read; copy it there"):
        reader(tree)


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_is_read_in_one_way_by_folder_and_by_score(
    reader: Any, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endings of JPEG and PNG are read, other pictures refused with their number, the rest counted by kind."""
    for ending in (".jfif", ".jpe", ".JPG"):
        (tree / "ant" / f"x{ending}").write_bytes(jpeg(8, 8))
    for name in ("a.txt", "b.txt", "Thumbs.db", ".hidden.png", "LICENSE"):
        (tree / name).write_text("no picture")
    reader(tree)
    said = capsys.readouterr().err
    assert "33 pictures, other files left out: 1 .db, 2 .txt, 1 hidden, 1 without an ending" in said
    for count, ending in enumerate((".webp", ".bmp", ".gif"), start=1):
        (tree / f"other{ending}").write_bytes(b"a picture")
        more = f", {count} such files" if count > 1 else ""
        with pytest.raises(UserError, match=rf"other\.\w+: \.\w+ is not read{more}; convert it to \.png or \.jpg"):
            reader(tree)


@pytest.mark.parametrize("reader", READERS)
def test_all_bad_pictures_are_reported_at_once(reader: Any, tree: Path) -> None:
    bad = {"truncated png": "ant/03.png", "16 bits, 3 channels": "ant/07.png", "other size": "bee/02.png"}
    for kind, name in bad.items():
        (tree / name).write_bytes(BROKEN[kind][0])
    with pytest.raises(UserError) as caught:
        reader(tree)
    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(tree / name) for name in bad.values()]
    for number in range(15):
        (tree / f"ant/{number:02d}.png").write_bytes(b"")
    with pytest.raises(UserError, match="and 6 more faults"):
        reader(tree)
