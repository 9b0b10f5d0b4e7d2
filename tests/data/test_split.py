"""Which training images are held back."""

import numpy as np
import pytest

from wae.core.errors import UserError
from wae.data.split import train_validation_indices


def test_validation_split_is_fixed_and_disjoint():
    train, validation = train_validation_indices(1000, 0.1)
    assert (len(train), len(validation)) == (900, 100)
    assert not set(train) & set(validation)
    assert (np.diff(train) > 0).all()
    assert 300 < validation.mean() < 700  # not the file's end
    assert [len(part) for part in train_validation_indices(10, 0.0)] == [10, 0]
    for n, fraction in ((10, 0.01), (10, 1.0), (1, 0.5)):
        with pytest.raises(UserError):
            train_validation_indices(n, fraction)
