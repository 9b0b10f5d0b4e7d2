"""torch's fused Adam without what it does for the compiler, and TensorFlow's."""

import inspect
import math
from typing import Any

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

    def start_second_moments(self, value: float) -> None:
        """Let every second moment start from ``value`` instead of 0, before the first step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["step"] = torch.zeros((), device=parameter.device)
                state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.full_like(parameter, value, memory_format=torch.preserve_format)
                if group["amsgrad"]:
                    state["max_exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)


class TensorFlowAdam(LeanAdam):
    """Adam as TensorFlow has it: epsilon is added to sqrt(v) before the bias of v is corrected.

    That is torch's form with epsilon / sqrt(1 - beta2^t) at step t (Kingma and Ba 2015, section 2, "epsilon hat"):
    31.6 times larger at the first step with beta2 = 0.999. Each group keeps its step and its own epsilon.
    """

    def step(self, closure: Any = None) -> Any:
        """One step of all groups."""
        for group in self.param_groups:
            group["steps"] = group.get("steps", 0) + 1
            group.setdefault("epsilon", group["eps"])
            group["eps"] = group["epsilon"] / math.sqrt(1.0 - group["betas"][1] ** group["steps"])
        return super().step(closure)
