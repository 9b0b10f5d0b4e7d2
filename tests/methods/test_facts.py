import json
import subprocess
import sys

import pytest

from tests.shared.models import IMPLEMENTATIONS
from wae.core.plugins import load_class
from wae.methods.base import Method
from wae.methods.facts import MethodFacts, Option
from wae.methods.wae_gan import WAEGAN

FACTS = {name: load_class(dotted, Method).facts() for name, dotted in IMPLEMENTATIONS.items()}


@pytest.mark.parametrize("name", FACTS)
def test_facts_survive_json(name: str) -> None:
    assert MethodFacts.read(json.loads(json.dumps(FACTS[name].document()))) == FACTS[name]


def test_every_method_of_the_house_says_all_and_looks_like_no_other() -> None:
    for part in ("title", "colour", "marker", "line"):
        found = [getattr(facts, part) for facts in FACTS.values()]
        assert all(found), part
        assert len(set(found)) == len(found), part
    assert all(facts.paper and facts.lambda_meaning for facts in FACTS.values())
    assert {name for name, facts in FACTS.items() if facts.vae_like} == {"vae", "beta_vae"}
    assert {name for name, facts in FACTS.items() if facts.lambda_weighs == "mmd"} == {"wae_mmd", "wae_mmd_rff"}
    assert {name for name, facts in FACTS.items() if facts.lambda_weighs == "nothing"} == {"ae", "aae", "pca"}


def test_what_a_method_takes_is_that_of_its_class() -> None:
    assert FACTS["vae"].likelihoods == ("bernoulli", "gaussian", "learned_gaussian")
    assert FACTS["vae"].encoders == ("gaussian",)
    assert FACTS["wae_gan"].options == {"fresh_codes": Option("bool", False)}
    assert FACTS["rae_l2"].options == {"decoder_decay": Option("float", 5.12e-6)}


def test_a_method_derived_from_another_does_not_pass_for_it() -> None:
    class Mine(WAEGAN):
        """A method of somebody's own."""

    facts = Mine.facts()
    assert (facts.title, facts.colour, facts.marker, facts.line, facts.paper) == ("Mine", "", "", "", "")
    assert facts.lambda_meaning == WAEGAN.lambda_meaning


def test_facts_are_read_without_torch() -> None:
    script = "import sys, wae.methods.facts; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
