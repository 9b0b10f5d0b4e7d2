"""What CUDA refuses or waits for, by the name of the operator (torch 2.14), and what was seen of it."""

import collections
import sys

import torch

CUDA = torch.device("cuda", 0)

# torch.use_deterministic_algorithms' list of what raises, as dispatched operators (torch 2.14).
RAISES = {
    "avg_pool3d_backward", "_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d_backward",
    "adaptive_max_pool2d_backward", "fractional_max_pool2d_backward", "fractional_max_pool3d_backward",
    "max_unpool2d", "max_unpool3d", "upsample_linear1d_backward", "upsample_bilinear2d_backward",
    "_upsample_bilinear2d_aa_backward", "upsample_bicubic2d_backward", "_upsample_bicubic2d_aa_backward",
    "upsample_trilinear3d_backward", "reflection_pad1d_backward", "reflection_pad2d_backward",
    "reflection_pad3d_backward", "nll_loss2d_forward", "nll_loss2d_backward", "_ctc_loss_backward", "put_", "put",
    "histc", "grid_sampler_2d_backward", "grid_sampler_3d_backward", "_embedding_bag_dense_backward", "kthvalue",
    "_cummax_helper", "_cummin_helper", "max_pool3d_with_indices_backward", "im2col_backward",
}  # fmt: skip
RAISES_IF = {
    "bincount": lambda args, kwargs: (len(args) > 1 and args[1] is not None) or kwargs.get("weights") is not None,
    "scatter_reduce": lambda args, kwargs: "prod" in args,
    "scatter_reduce_": lambda args, kwargs: "prod" in args,
    "median": lambda args, kwargs: len(args) > 1 or "dim" in kwargs,
}
SCALARS_FROM_CPU = {"fill_", "fill", "masked_fill", "masked_fill_", "index_put", "index_put_", "index_fill_", "where",
                    "clamp", "clamp_", "addcmul", "addcdiv", "lerp", "index"}  # fmt: skip
SYNCS = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "equal", "repeat_interleave"}


class Record:
    """What was seen since the last ``clear``."""

    def __init__(self):
        self.ops = collections.Counter()
        self.syncs = collections.Counter()
        self.mixed = collections.Counter()  # a 0-dimensional CPU tensor beside CUDA ones: allowed, but a copy each

    def clear(self):
        self.ops.clear(), self.syncs.clear(), self.mixed.clear()


seen = Record()


def where():
    """The innermost line of the product, or of the caller."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        for mark in ("/wae/", "/baselines/"):
            if mark in name and "site-packages" not in name:
                return f"{mark[1:]}{name.rpartition(mark)[2]}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"


class DeviceMismatchError(RuntimeError):
    """What CUDA would refuse."""
