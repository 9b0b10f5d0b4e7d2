"""torch's fused Adam without what it does for the compiler."""

import inspect

import torch
from torch.optim import Optimizer


class LeanAdam(torch.optim.Adam):
    """The same numbers as ``torch.optim.Adam``, bit for bit, and the same state.

    torch guards an optimiser's methods against being compiled, and at the first call imports the compiler for
    it: over a second and 150 MB of every job. Nothing here compiles an optimiser, so the guards are taken off.
    """

    add_param_group = inspect.unwrap(Optimizer.add_param_group)
    zero_grad = inspect.unwrap(Optimizer.zero_grad)
    state_dict = inspect.unwrap(Optimizer.state_dict)
    load_state_dict = inspect.unwrap(Optimizer.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
