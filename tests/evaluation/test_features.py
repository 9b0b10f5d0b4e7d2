"""Feature extractors: training, torch-fidelity's interface, the Inception path, faults."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.shared.evaluation import EXTRACTOR, pictures
from wae.compute.seeds import stream
from wae.core.errors import UserError
from wae.core.files import read_json, sha256_file, write_json
from wae.core.settings import DatasetSettings, EvaluationSettings
from wae.data.source import Dataset, Split, load, prepare
from wae.data.split import train_validation_indices
from wae.evaluation.classifier import Classifier, load_classifier
from wae.evaluation.feature_rows import feature_rows
from wae.evaluation.features import build_extractor, extract, extractor_name, load_extractor
from wae.evaluation.fidelity import as_reference, frechet_distance, moments
from wae.evaluation.fidelity_extractors import CLASSIFIER

BARS = DatasetSettings(source="tests.shared.evaluation:bars", shape=[1, 12, 12])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared dataset in ``data`` and its classifier in ``extractor``."""
    made = tmp_path_factory.mktemp("features")
    prepare(BARS, None, made / "data")
    build_extractor(made / "data", EXTRACTOR, made / "extractor")
    return made


def test_record_says_what_the_classifier_is(folder):
    record = json.loads((folder / "extractor/extractor.json").read_text())
    weights = (folder / "extractor/weights.safetensors").read_bytes()
    assert record["sha256"] == hashlib.sha256(weights).hexdigest()
    assert record["test_accuracy"] > 0.9
    assert record["architecture"] == {"shape": [1, 12, 12], "classes": 4, "width": 4, "features": 6}
    assert record["seed"] == 0
    assert record["images"] == 480  # a fifth of the train split is held back
    assert record["epochs"] == math.ceil(150 / (480 // 50))
    assert record["dataset"]["counts"] == {"train": 600, "test": 200}


def test_recorded_accuracy_is_that_of_the_saved_weights(folder):
    network = load_classifier(folder / "extractor/weights.safetensors")
    images, labels = pictures(200, 2)
    predicted = network.logits(torch.from_numpy(images)).argmax(1).numpy()
    record = json.loads((folder / "extractor/extractor.json").read_text())
    assert record["test_accuracy"] == pytest.approx(np.mean(predicted == labels))


def test_features_of_training_images_are_standardised(folder):
    kept = train_validation_indices(600, 0.2)[0]
    found = extract(load_extractor(folder / "extractor"), pictures(600, 1)[0][kept])
    assert found.shape == (480, 6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(0), 0.0, atol=1e-4)
    assert found.var(0, ddof=1).mean() == pytest.approx(1.0, rel=1e-4)
    assert (found < 0).any()  # taken before the ReLU


def test_equal_settings_give_equal_bytes_another_seed_does_not(folder, tmp_path):
    build_extractor(folder / "data", EXTRACTOR, tmp_path / "again")
    build_extractor(folder / "data", EXTRACTOR.model_copy(update={"seed": 1}), tmp_path / "other")
    first, again, other = (
        (p / "weights.safetensors").read_bytes() for p in (folder / "extractor", tmp_path / "again", tmp_path / "other")
    )
    assert first == again
    assert first != other


def test_images_that_are_held_back_do_not_matter(folder, tmp_path):
    """Weights are tuned on them, so that the judge must not have learned them."""
    import shutil

    shutil.copytree(folder / "data", tmp_path / "data")
    path = tmp_path / "data/train_images.npy"
    images = np.load(path)
    images[train_validation_indices(600, 0.2)[1]] = 255
    np.save(path, images)
    meta = read_json(tmp_path / "data/meta.json")
    meta["sha256"][path.name] = sha256_file(path)
    write_json(tmp_path / "data/meta.json", meta)
    build_extractor(tmp_path / "data", EXTRACTOR, tmp_path / "extractor")
    same = [(where / "extractor/weights.safetensors").read_bytes() for where in (folder, tmp_path)]
    assert same[0] == same[1]
    build_extractor(tmp_path / "data", EXTRACTOR.model_copy(update={"validation_fraction": 0.1}), tmp_path / "other")
    assert (tmp_path / "other/weights.safetensors").read_bytes() != same[0]


def test_torch_fidelity_computes_the_same_through_its_own_interface(folder):
    import torch_fidelity

    class Images(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = torch.from_numpy(images)

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            return self.images[index]

    a, b = pictures(300, 5)[0], pictures(250, 6, classes=3)[0]
    found = torch_fidelity.calculate_metrics(
        input1=Images(a), input2=Images(b), fid=True, cuda=False, cache=False, verbose=False, save_cpu_ram=True,
        feature_extractor=CLASSIFIER, feature_layer_fid="features",
        feature_extractor_weights_path=str(folder / "extractor/weights.safetensors"),
    )  # fmt: skip
    extractor = load_extractor(folder / "extractor")
    own = frechet_distance(moments(extract(extractor, a)), as_reference(moments(extract(extractor, b))))
    assert own == pytest.approx(found["frechet_inception_distance"], rel=1e-5)  # its means are float32


def test_batches_do_not_change_features(folder):
    extractor = load_extractor(folder / "extractor")
    images = pictures(50, 7)[0]
    np.testing.assert_allclose(extract(extractor, images, 7), extract(extractor, images, 50), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 64, 48), (1, 3, 5)])
def test_network_fits_any_image_size(shape):
    network = Classifier(shape, 7, width=4, features=5)
    images = torch.zeros((2, *shape), dtype=torch.uint8)
    assert network(images).shape == (2, 5)
    assert network.logits(images).shape == (2, 7)


def test_channels_double_up_to_eight_times_the_first():
    network = Classifier((3, 256, 256), 7, width=4, features=5)
    widths = [layer.out_channels for layer in network.convolutions if isinstance(layer, torch.nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 32]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 3, 12, 12), np.uint8), "images have 3 channels, the extractor takes 1"),
        (np.zeros((2, 1, 12, 10), np.uint8), r"images are \[1, 12, 10\], extractor extractor takes \[1, 12, 12\]"),
        (np.zeros((2, 1, 12, 12), np.float32), "need uint8"),
        (np.zeros((2, 12, 12), np.uint8), "need uint8"),
    ],
)
def test_images_that_do_not_fit_stop_with_one_line(folder, images, message):
    with pytest.raises(UserError, match=message):
        extract(load_extractor(folder / "extractor"), images)


def test_features_that_are_not_finite_stop_with_one_line(folder):
    extractor = load_extractor(folder / "extractor")
    extractor.module.scale.fill_(0.0)
    with pytest.raises(UserError, match="features are not finite"):
        extract(extractor, pictures(3, 1)[0])


def test_unlabelled_data_need_another_extractor(tmp_path):
    prepare(BARS.model_copy(update={"options": {"labelled": False}}), None, tmp_path / "data")
    with pytest.raises(UserError, match=r"no labels.*efficientnet_lite0"):
        build_extractor(tmp_path / "data", EXTRACTOR, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_untrained_network_needs_no_labels_and_scores_no_classes(tmp_path):
    drawn = EXTRACTOR.model_copy(update={"kind": "random", "seed": 5})
    for labelled in (True, False):
        folder = tmp_path / str(labelled)
        prepare(BARS.model_copy(update={"options": {"labelled": labelled}}), None, folder / "data")
        build_extractor(folder / "data", drawn, folder / "random-1a2b3c4d")
    weights = [(tmp_path / f"{name}/random-1a2b3c4d/weights.safetensors").read_bytes() for name in (True, False)]
    assert weights[0] == weights[1]  # labels decide nothing
    extractor = load_extractor(folder / "random-1a2b3c4d")
    assert (extractor.record["kind"], extractor.record["epochs"]) == ("random", 0)
    assert (extractor.record["train_accuracy"], extractor.record["test_accuracy"]) == (None, None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(5, "init").initial_seed())
        fresh = Classifier((1, 12, 12), 2, drawn.width, drawn.features)
    found = extractor.module.get_submodule("linear").weight
    assert torch.equal(found, fresh.linear.weight)
    train = load(folder / "data", "train").images
    kept, _ = train_validation_indices(len(train), drawn.validation_fraction)
    features = extract(extractor, train[kept]).astype(np.float64)
    np.testing.assert_allclose(features.mean(0), 0.0, atol=1e-4)
    assert features.var(0, ddof=1).mean() == pytest.approx(1.0, rel=1e-4)
    settings = EvaluationSettings(samples=100, kid_subset_size=50, precision_samples=50)
    rows = feature_rows(extractor, "prior", features[:100], features[100:200], "test", 0, settings)
    families = {"kid", "precision", "recall", "density", "coverage"}
    assert {row["metric"] for row in rows} == {f"{family}_random" for family in families}


def test_altered_torn_and_missing_weights_are_refused(folder, tmp_path):
    import shutil

    for fault in ("altered", "missing"):
        shutil.copytree(folder / "extractor", tmp_path / fault)
    file = tmp_path / "altered/weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    (tmp_path / "missing/weights.safetensors").unlink()
    with pytest.raises(UserError, match="sha256 is not the recorded"):
        load_extractor(tmp_path / "altered")
    with pytest.raises(UserError, match="no such file"):
        load_extractor(tmp_path / "missing")
    file.write_bytes(content[:100])
    with pytest.raises(UserError, match="not a classifier's weights"):
        load_classifier(file)
    with pytest.raises(UserError, match="no such file"):
        load_classifier(tmp_path / "nowhere")


def test_name_of_an_extractor_from_its_folder():
    assert extractor_name("results/extractors/x/classifier-0a1b2c3d") == "classifier"
    assert extractor_name("x/my-net-0a1b2c3d") == "my-net"
    assert extractor_name("inception") == "inception"


def alike(root: Path | None) -> Dataset:
    """60 images of one grey, in two classes."""
    images = np.full((60, 1, 12, 12), 7, np.uint8)
    return Dataset(Split(images, np.arange(60) % 2), Split(images, np.arange(60) % 2), "none", "none")


def test_images_that_are_all_alike_are_named_as_the_reason(tmp_path):
    settings = DatasetSettings(source="tests.evaluation.test_features:alike", shape=[1, 12, 12])
    prepare(settings, None, tmp_path / "data")
    with pytest.raises(UserError, match="all training images give the same features; are they one image"):
        build_extractor(tmp_path / "data", EXTRACTOR, tmp_path / "out")
