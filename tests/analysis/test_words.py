"""How results are said: titles of methods and the values of their settings."""

import pytest

from wae.analysis.words import method_title, seconds, setting_value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *(("10.0", "10"), ("0.3", "0.3"), ("10000.0", "10,000"), ("1e-05", "1e-05"), ("-2", "-2")),
        *(("sphere", "sphere"), ("infinity", "infinity"), ("nan", "nan"), ("[64, 32]", "[64, 32]"), ("1.5x", "1.5x")),
        *(("123456.789", "123,456.789"), ("0.00127551", "0.00127551")),
    ],
)
def test_a_setting_is_said_as_a_plain_number_or_as_it_is(text: str, said: str) -> None:
    assert setting_value(text) == said


@pytest.mark.parametrize(
    ("method", "title"),
    [
        ("wae_mmd", "WAE-MMD"),
        ("wae_mmd@latent_dim=128+lambda_=10000.0", "WAE-MMD, d_z = 128, λ = 10,000"),
        ("vae@lambda_=1.0", "VAE, β = 1"),
        ("vae@lambda_=3.0", "β-VAE, β = 3"),
        ("mine@prior=sphere", "mine, prior = sphere"),
    ],
)
def test_a_methods_title_says_what_its_variant_sets(method: str, title: str) -> None:
    assert method_title(method) == title


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *((0.0009996, "1 ms"), (0.000999, "999 µs"), (0.9996, "1 s"), (0.9994, "999 ms")),
        *(
            (119.4, "119 s"),
            (119.7, "2 min"),
            (7196, "2 h"),
            (7180, "120 min"),
            (2e-5, "20 µs"),
            (1500 * 3600, "1,500 h"),
        ),
    ],
)
def test_seconds_just_below_a_unit_are_said_in_it(value: float, said: str) -> None:
    assert seconds(value).replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_title_of_ones_own_is_kept_but_for_a_tuned_vae() -> None:
    assert method_title("mine@lambda_=2.0", "Mine") == "Mine, λ = 2"
    assert method_title("vae@lambda_=2.0", "VAE") == "β-VAE, β = 2"
