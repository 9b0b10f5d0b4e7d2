from wae.commands.manifest import differences


def test_what_differs_between_runs_is_said_and_what_does_not_is_not() -> None:
    first = {"commit": "a", "clean_tree": True, "device": "cpu", "versions": {"numpy": "2.4.5", "torch": "2"}}
    assert differences([first, first, {}]) == {}
    second = first | {"clean_tree": False, "versions": {"numpy": "2.4.6", "torch": "2", "scipy": None}}
    assert differences([first, second, first]) == {"numpy": ["2.4.5", "2.4.6"], "clean_tree": ["False", "True"]}
