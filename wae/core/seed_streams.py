"""Which seed each random stream of a run has: its own, but in the two designs of the seed lottery."""

# A file of its own, which the digest of a stage's code sees: editing it reruns what it decides.
SEED_STREAMS = {  # what can be varied alone: purposes of wae/compute/seeds.py
    "first_weights": ("init",),
    "data_order": ("order",),
    "training_draws": ("prior", "noise", "pretraining"),
    "samples": ("samples", "evaluation"),
}
# Added to a run's seed where a stream is to have another one. Every seed in a config is below it, so that the sum is no
# run's own seed; and it stays below 2^32, the most that scikit-learn takes.
OTHER_SEED = 2**31


def seed_for(purpose: str, seed: int, stream: str, held: int | None) -> int:
    """The seed of a purpose's random stream in a run of ``seed`` with the settings ``seed_stream`` and ``held_seed``.

    Paired (``held`` is None): purposes of ``stream`` have the run's seed plus OTHER_SEED. Crossed: they have the run's
    seed, and all other purposes have ``held``. Where ``stream`` is "all", all have the run's.
    """
    if stream == "all":
        return seed
    if purpose in SEED_STREAMS[stream]:
        return seed + OTHER_SEED if held is None else seed
    return seed if held is None else held
