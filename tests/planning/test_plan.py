from pathlib import Path
from typing import Any

import pytest

from wae.commands.check import check_plugins
from wae.core.errors import UserError
from wae.core.files import load_yaml
from wae.core.plugins import ROOT
from wae.core.seed_streams import SEED_STREAMS
from wae.core.settings import Config, TrainingSettings
from wae.planning import jobs
from wae.planning.config import DEFAULTS, merge, merged_training, read_config, with_defaults
from wae.planning.plan import load_plan


def refused(config: dict[str, Any], changes: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        check_plugins(load_plan(merge(config, changes)))
    return str(caught.value)


def own(implementation: str, **settings: Any) -> dict[str, Any]:
    """Changes of a config that plan one method, on images of 8 x 8."""
    methods = {"mine": {"implementation": implementation, **settings}}
    return {"run": {"datasets": ["digits"], "methods": ["mine"]}, "training": {"methods": methods}}


def test_the_grid_is_datasets_times_methods_times_seeds(config: dict[str, Any]) -> None:
    plan = load_plan(config)
    assert len(plan.runs) == 2 * 4 * 5
    assert plan.methods == ["vae", "beta_vae", "wae_mmd", "wae_gan"]
    run = plan.cells["glyphs", "wae_mmd", 2]
    assert run.shape == [1, 28, 28]
    assert run.training.implementation == "wae.methods.wae_mmd:WAEMMD"


def test_the_later_layer_wins(config: dict[str, Any]) -> None:
    changed = merge(
        config,
        {
            "training": {
                "common": {"epochs": 1, "width": 1, "depth": 1, "lambda_": 1.5},
                "datasets": {"digits": {"epochs": 2, "width": 2, "depth": 2}},
                "methods": {"vae": {"epochs": 3, "width": 3}},
                "cells": {"digits/vae": {"epochs": 4}},
            }
        },
    )
    merged = merged_training(Config.model_validate(changed), "digits", "vae")
    assert (merged["epochs"], merged["width"], merged["depth"]) == (4, 3, 2)


def test_like_inherits_and_a_circle_is_refused(config: dict[str, Any]) -> None:
    methods = {"strong": {"like": "wae_mmd", "lambda_": 99.0}}
    plan = load_plan(merge(config, {"run": {"methods": ["strong"]}, "training": {"methods": methods}}))
    assert plan.runs[0].training.lambda_ == 99.0
    assert plan.runs[0].training.implementation == "wae.methods.wae_mmd:WAEMMD"
    circle = {"a": {"like": "b"}, "b": {"like": "a"}}
    message = refused(config, {"run": {"methods": ["a"]}, "training": {"methods": circle}})
    assert "a -> b -> a is a circle" in message


def test_variants_are_every_combination(config: dict[str, Any]) -> None:
    vary = [{"methods": ["wae_mmd"], "values": {"lambda_": [1.0, 10.0], "latent_dim": [2, 4]}}]
    plan = load_plan(merge(config, {"run": {"methods": [], "datasets": ["digits"], "seeds": [0], "vary": vary}}))
    assert plan.methods == [f"wae_mmd@lambda_={x}+latent_dim={d}" for x in (1.0, 10.0) for d in (2, 4)]
    last = plan.runs[-1].training
    assert (last.lambda_, last.latent_dim) == (10.0, 4)


def test_the_seed_lottery_is_a_variant_of_each_method_and_stream(config: dict[str, Any]) -> None:
    run = {"methods": ["vae", "wae_mmd"], "datasets": ["digits"], "seeds": [0, 1], "seed_streams": ["data_order"]}
    plan = load_plan(merge(config, {"run": run}))
    assert plan.methods == ["vae", "wae_mmd", "vae@seed_stream=data_order", "wae_mmd@seed_stream=data_order"]
    varied = plan.run("digits/wae_mmd@seed_stream=data_order/seed1")
    assert (varied.training.seed_stream, varied.training.held_seed) == ("data_order", None)
    assert "seed_streams lists 'samples' twice" in refused(config, {"run": run | {"seed_streams": ["samples"] * 2}})


STREAMS = {  # written out here once more: what is drawn from which stream decides what a variance is of
    "first_weights": {"init"},
    "data_order": {"order"},
    "training_draws": {"prior", "noise", "pretraining"},
    "samples": {"samples", "evaluation"},
}
PURPOSES = ("init", "order", "prior", "noise", "samples", "features", "pretraining", "evaluation")


def seeds_of(config: dict[str, Any], values: dict[str, list[Any]], cell: str) -> dict[str, int]:
    """The seed of each purpose of a run of seed 3."""
    run = {
        "methods": ["vae"],
        "datasets": ["digits"],
        "seeds": [3, 4],
        "vary": [{"methods": ["vae"], "values": values}],
    }
    found = load_plan(merge(config, {"run": run})).run(f"digits/{cell}/seed3")
    return {purpose: found.seed_for(purpose) for purpose in PURPOSES}


def test_the_streams_of_the_seed_lottery_are_these() -> None:
    assert {name: set(purposes) for name, purposes in SEED_STREAMS.items()} == STREAMS


@pytest.mark.parametrize("stream", STREAMS)
def test_one_stream_has_another_seed_and_the_others_the_runs_own(config: dict[str, Any], stream: str) -> None:
    found = seeds_of(config, {"seed_stream": [stream]}, f"vae@seed_stream={stream}")
    other = 3 + 2**31  # above every seed that a config may list
    assert found == {purpose: other if purpose in STREAMS[stream] else 3 for purpose in PURPOSES}
    assert "seeds.0: found 2147483648" in refused(config, {"run": {"seeds": [2**31]}})


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("held", [0, 7])
def test_a_held_seed_is_that_of_the_other_streams(config: dict[str, Any], stream: str, held: int) -> None:
    values = {"seed_stream": [stream], "held_seed": [held]}
    found = seeds_of(config, values, f"vae@seed_stream={stream}+held_seed={held}")
    assert found == {purpose: 3 if purpose in STREAMS[stream] else held for purpose in PURPOSES}


def test_a_run_that_varies_no_stream_has_one_seed_and_the_record_that_it_always_had(config: dict[str, Any]) -> None:
    plain = load_plan(merge(config, {"run": {"methods": ["vae"], "datasets": ["digits"], "seeds": [3]}})).runs[0]
    assert {plain.seed_for(purpose) for purpose in PURPOSES} == {3}
    assert plain.model_dump()["training"]["held_seed"] == 0
    assert TrainingSettings(implementation="none:none", held_seed=None).held_seed == 0
    assert TrainingSettings(implementation="none:none", seed_stream="samples").held_seed is None
    assert TrainingSettings(implementation="none:none", seed_stream="samples", held_seed=0).held_seed == 0


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"trainig": {}}, ["config: unknown key 'trainig'", "did you mean 'training'"]),
        ({"evaluation": {"sample": 5}}, ["config: evaluation: unknown key 'sample'", "did you mean 'samples'"]),
        ({"training": {"methods": {"vae": {"lamda_": 1.0}}}}, ["training.methods.vae", "did you mean 'lambda_'"]),
        ({"training": {"common": {"learning_rate": "1e-3"}}}, ["learning_rate", "write 0.001"]),
        ({"training": {"common": {"width": 0}}}, ["width: found 0", "greater than or equal to 1"]),
        ({"training": {"common": {"learning_rate": float("nan")}}}, ["learning_rate: found nan"]),
        ({"run": {"datasets": ["digit"]}}, ["run.datasets", "did you mean 'digits'"]),
        ({"run": {"methods": ["wae_mdm"]}}, ["unknown method 'wae_mdm'", "did you mean 'wae_mmd'"]),
        ({"run": {"seeds": [0, 0]}}, ["seeds lists 0 twice"]),
        ({"run": {"seeds": []}}, ["run.seeds: found []"]),
        ({"training": {"cells": {"digits/vea": {}}}}, ["training.cells.digits/vea", "did you mean 'vae'"]),
        ({"training": {"methods": {"vae": {"implementation": "baselines.vae:VEA"}}}}, ["did you mean 'VAE'"]),
        ({"training": {"methods": {"vae": {"options": {"x": 1}}}}}, ["unknown option 'x'"]),
        (
            {"datasets": {"glyphs": {"options": {"size": 3}}}},
            ["datasets.glyphs: unknown option of wae.data.embedded"],
        ),
        ({"evaluation": {"reference": "validation"}}, ["set training.common.validation_fraction above 0"]),
        (
            {
                "evaluation": {"reference": "validation"},
                "training": {
                    "common": {"validation_fraction": 0.1},
                    "methods": {"vae": {"validation_fraction": 0.2}},
                },
            },
            ["validation_fraction [0.1, 0.2]; all runs need the same one"],
        ),
        (
            {
                "evaluation": {"reference": "validation"},
                "training": {"common": {"validation_fraction": 0.25}},
            },
            ["extractors.classifier.validation_fraction: 0.2 is below that of the runs, 0.25", "set it to 0.25"],
        ),
        (
            {
                "run": {"datasets": ["faces"]},
                "datasets": {"faces": {"source": "wae.data.torchvision:celeba", "shape": [3, 64, 64]}},
            },
            [
                "datasets.faces: option attribute is '', which gives no labels",
                "set attribute, or take extractor random",
            ],
        ),
        (
            {
                "run": {"datasets": ["own"]},
                "datasets": {
                    "own": {
                        "source": "wae.data.own:folder",
                        "options": {"path": "/x", "labels": "none", "channels": 1, "height": 8, "width": 8},
                        "shape": [1, 8, 8],
                    }
                },
            },
            ["datasets.own: option labels is 'none', which gives no labels"],
        ),
        ({"training": {"common": {"held_seed": 5}}}, ["held_seed 5 with seed_stream 'all': no stream is held"]),
        (
            {"evaluation": {"metrics": ["no_such_module_x:f"]}},
            ["module 'no_such_module_x' is neither part"],
        ),
        ({"run": {"vary": [{"methods": ["vae"], "values": {"lambda": [1]}}]}}, ["did you mean 'lambda_'"]),
        ({"run": {"vary": [{"methods": ["vae"], "values": {"lambda_": ["../x"]}}]}}, ["cannot be part of a folder"]),
        (
            {"run": {"vary": [{"methods": ["wae_mmd"], "values": {"lambda_": [1, 1.0]}}]}},
            ["'wae_mmd@lambda_=1' and 'wae_mmd@lambda_=1.0' have equal values: the same run; list one"],
        ),
        (
            {"run": {"vary": [{"methods": ["wae_mmd"], "values": {"kernel_scales": [[1, 2], [1.0, 2.0]]}}]}},
            ["'wae_mmd@kernel_scales=1,2' and 'wae_mmd@kernel_scales=1.0,2.0' have equal values"],
        ),
        ({"experiment": "../up"}, ["experiment: found '../up'"]),
        ({"execution": {"device": "gpu"}}, ["execution.device: found 'gpu'"]),
        ({"training": {"datasets": {"glyphs": {"architecture": "dcgan", "decoder_depth": 4}}}}, ["decoder_depth 4"]),
        ({"training": {"methods": {"vae": {"encoder": "deterministic"}}}}, ["encoder"]),
        ({"training": {"methods": {"vae": {"lambda_": 3.0}}}}, ["lambda_ 3", "beta = 1", "take the method beta_vae"]),
        ({"run": {"vary": [{"methods": ["vae"], "values": {"lambda_": [0.5]}}]}}, ["lambda_ 0.5", "beta_vae"]),
        ({"training": {"common": {"lambda_schedule": "adaptive"}}}, ["lambda_schedule 'adaptive'", "beta_vae"]),
        (
            {"run": {"methods": ["mine"]}, "training": {"methods": {"mine": {"like": "vae", "lambda_": 3.0}}}},
            ["lambda_ 3", "beta_vae"],
        ),
        (own("wae.methods.cwae:CWAE", latent_dim=4), ["latent_dim 4", "set latent_dim to 2 or to at least 8"]),
        (own("baselines.aae:AAE", options={"critic_codes": "eval"}), ["critic_codes is 'eval'; set it to 'training'"]),
        (
            own("baselines.aae:AAE", options={"critic_codes": "evaluation", "fresh_codes": False}),
            ["critic_codes is 'evaluation' with fresh_codes false", "set fresh_codes to true"],
        ),
        (
            {"training": {"methods": {"vae": {"options": {"kl": "sampled"}, "gaussian_floor": 1e-8}}}},
            ["gaussian_floor 1e-08 with kl 'sampled'", "set gaussian_floor to 0 or kl to 'analytic'"],
        ),
        ({"training": {"methods": {"vae": {"options": {"kl": "exact"}}}}}, ["kl is 'exact'; set it to 'analytic'"]),
        (own("baselines.pca:PCA", latent_dim=65), ["latent_dim is 65, PCA has at most 64 components; lower it"]),
        (own("baselines.pca:PCA", pretrain_steps=5), ["pretrain_steps 5 with PCA", "set pretrain_steps to 0"]),
        (own("baselines.pca:PCA", binarise="each_draw"), ["binarise 'each_draw' with PCA", "set binarise to 'off'"]),
        (
            own("baselines.pca:PCA", architecture="mlp", output_bias="mean_image"),
            ["output_bias 'mean_image' with PCA", "leave it out"],
        ),
        (own("baselines.rae_gp:RAEGP", compile=True), ["compile with RAE-GP", "set compile to false"]),
        (own("baselines.pca:PCA", cost="bce"), ["cost 'bce' with PCA", "set cost to 'l2sq'"]),
    ],
)
def test_a_fault_is_refused_with_its_key_and_the_remedy(
    config: dict[str, Any], changes: dict[str, Any], parts: list[str]
) -> None:
    message = refused(config, changes)
    for part in parts:
        assert part in message
    assert "Traceback" not in message


def test_weights_may_lie_in_the_home_folder(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    changes = {"extractors": {"classifier": {"kind": "inception", "weights": "~/w.pth"}}}
    assert "'~/w.pth': no such file" in refused(config, changes)
    (tmp_path / "w.pth").touch()
    assert load_plan(merge(config, changes)).config.extractors["classifier"].weights == "~/w.pth"
    changes["extractors"]["classifier"]["weights"] = "~nobody-of-that-name/w.pth"
    assert "no such file" in refused(config, changes)


def test_a_folder_of_another_shape_is_refused_by_the_config(config: dict[str, Any], tmp_path: Path) -> None:
    own = {"source": "wae.data.own:folder", "shape": [1, 8, 8], "options": {"path": str(tmp_path), "channels": 1}}
    message = refused(config, {"datasets": {"digits": own}, "run": {"datasets": ["digits"]}})
    assert message.startswith("config: datasets.digits: shape is [1, 8, 8], but its options")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("digts/vae/seed0", "unknown dataset of this plan 'digts': known are .*; did you mean 'digits'"),
        ("digits/vea/seed0", "unknown method of this plan 'vea': known are .*; did you mean 'vae'"),
        ("digits/vae/seed777", "unknown seed of this plan '777': known are "),
    ],
)
def test_a_cell_that_is_not_planned_is_told_which_part_is_unknown(config: dict[str, Any], cell: str, says: str) -> None:
    many = {"run": {"datasets": ["digits"], "seeds": list(range(150))}}
    with pytest.raises(UserError, match=says):
        load_plan(merge(config, many)).run(cell)


def test_every_fault_is_listed_at_once(config: dict[str, Any]) -> None:
    message = refused(config, {"evaluation": {"samples": -1, "draws": 0}})
    assert len(message.splitlines()) == 2


def test_misspelt_claims_are_refused_under_their_own_name(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = "my_claims.yaml: no such file; correct report.claims"
    changes = {"report": {"claims": "my_claims.yaml"}}
    assert refused(config, changes) == f"config: report.claims: {said}"
    with pytest.raises(UserError, match=rf"^{said}$"):
        jobs.claims_file(load_plan(merge(config, changes)))
    assert Path(jobs.claims_file(load_plan(config))).samefile(ROOT / "config/claims.yaml")


def test_equal_data_settings_share_a_folder_and_others_do_not(config: dict[str, Any]) -> None:
    one = load_plan(config)
    other = load_plan(merge(config, {"experiment": "other", "training": {"common": {"width": 4}}}))
    assert one.data_id("letters") == other.data_id("letters")
    for value, moves in (({"permutations": 59}, False), ({"halves": 3}, True)):
        scored = load_plan(merge(config, {"evaluation": value}))
        assert (scored.reference_id("classifier") != one.reference_id("classifier")) is moves
    smaller = load_plan(merge(config, {"datasets": {"glyphs": {"options": {"train": 100, "test": 50}}}}))
    assert one.data_id("glyphs") != smaller.data_id("glyphs")


def test_a_config_is_differences_from_the_defaults_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("""
        experiment: mine
        run: {datasets: [digits], methods: [vae], seeds: [0]}
        training: {common: {width: 4}, cells: {digits/vae: {epochs: 1}}}
        """)
    raw = read_config(tmp_path / "mine.yaml")
    training = load_plan(raw).runs[0].training
    assert (training.width, training.epochs) == (4, 1)  # what the config says of all runs before a dataset's default
    assert training.depth == 2  # which stands where the config says nothing
    assert training.lambda_ == load_yaml(DEFAULTS)["training"]["methods"]["vae"]["lambda_"]
    assert with_defaults(raw) == raw  # a merged config stays as it is
    assert not {"experiment", "run"} & set(load_yaml(DEFAULTS))  # what to run is for a config to say


@pytest.mark.parametrize("name", ["smoke", "mnist"])
def test_shipped_configs_are_valid(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAE_DATA_ROOT", raising=False)
    plan = load_plan(read_config(root / f"config/{name}.yaml"))
    assert plan.config.experiment == name


def test_options_are_merged_as_maps_are_but_where_they_come_with_an_implementation(config: dict[str, Any]) -> None:
    methods = {
        "first": {"like": "wae_gan", "implementation": "baselines.aae:AAE", "options": {"critic_codes": "evaluation"}},
        "second": {"like": "first", "options": {"fresh_codes": False}},
        "third": {"like": "second", "implementation": "wae.methods.wae_gan:WAEGAN"},  # which has no critic_codes
    }
    common = {"options": {"fresh_codes": True}}
    run = {"datasets": ["digits"], "methods": ["first", "second"], "seeds": [0]}
    plan = load_plan(merge(config, {"run": run, "training": {"methods": methods, "common": common}}))
    assert [run.training.options for run in plan.runs] == [
        {"critic_codes": "evaluation"},
        {"critic_codes": "evaluation", "fresh_codes": False},
    ]
    assert "unknown option 'critic_codes'" in refused(
        config, {"run": run | {"methods": ["third"]}, "training": {"methods": methods}}
    )
