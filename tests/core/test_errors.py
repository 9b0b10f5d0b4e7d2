"""What messages list of the names that are known."""

from wae.core.errors import LISTED, unknown_name


def test_of_many_known_names_a_message_lists_some_and_the_nearest() -> None:
    known = [f"mnist/vae/seed{number:02}" for number in range(60)]
    message = str(unknown_name("cell", "mnist/vae/sed59", known))
    assert message.count("mnist/vae/seed") == LISTED + 1
    assert f"and {60 - LISTED} more; did you mean 'mnist/vae/seed59'?" in message
    assert "more" not in str(unknown_name("cell", "x", known[:LISTED]))
