"""What the report says around its tables: how each part was measured, and what its numbers mean."""

INTRODUCTION = """# Against the peers, and against the machine's limit

Written by `make bench`. Every number is a ratio of contestants that took turns in one run, one thread each: the
median over rounds, with the quartiles in brackets. A ratio of 2 means that the other one took twice our computing
time (user and system seconds of its process; on an idle machine, with one thread, the same as wall-clock time).
Ratios are of this machine and these versions; absolute times are left out on purpose.
"""
TRAINING = """
Same networks, same first weights, batch 100, an epoch of {images} images ({origin}),
{rounds} rounds, each through all networks and methods. Each contestant lives in a process of its own and repeats
epochs; set-up, and pythae's saving at the end, do not count.

- bare loop: images as floats in memory, forward, backward, optimiser, nothing else (benchmarks/bare.py); its weights
  after any number of steps are ours bit for bit. Its process is set up as ours (allocator, deterministic kernels).
  It is written out plainly: a ratio above 1 is where ours spares work (a cheaper Bernoulli likelihood; codes that the
  critic judges once a step instead of twice).
- pythae: VAE, WAE_MMD with the same seven scales, and Adversarial_AE, its nearest to WAE-GAN, by its own trainers.
  Their time over the bare loop's, which bounds what a loop over the same steps can gain on them:
  {limits}.
- Lightning: a LightningModule over a DataLoader without worker processes; once with what torchvision's MNIST does
  for each image (PIL, Pad, ToTensor), as most reproductions have it, once with ready float tensors. Loggers and
  checkpoints off.
- dcgan: this suite's networks for MNIST (width 16); ours and the bare loop keep them in the configs' channels-last
  layout and compute the decoder's last layer in a cheaper way, equal up to rounding (wae/models/blockwise.py); the
  peers' are of torch's own layers in its usual layout, as
  anybody would write them. mlp: one hidden layer of 512 units, pythae's default.
"""
SETTINGS = """
The same rounds as above. Above 1 the change costs time, below 1 it saves some; what compiling itself takes, some
seconds a network, does not count. A dash: there is nothing to change, or no C++ compiler. torch's own layers: without
the one that the suite computes in its own way.
The configs leave compile off, as it gains nothing, and bfloat16, as its gain needs a processor with instructions for
it and as what it computes is another protocol.
"""

PENALTY = """
Forward and backward with respect to the codes, seven IMQ scales, a process for each form and size. {rounds} rounds
(fewest where a call takes seconds), each size's spread over the whole part and next to one of ours; what is short is
averaged over 0.1 seconds. A dash: the form makes tensors of more than {largest:,} numbers, or needs a third of the free
memory.
Memory kept: glibc is told to give none back, to the form's advantage. Else it returns large blocks each time, and
faulting their pages in again is most of the official form's time at 4,096; what a fault costs drifts.
The values agree: largest difference {difference:.1e}.
"""
FRECHET = """
{count:,} samples, {dimensions:,} dimensions, from float32 features. All have the real data's statistics beforehand;
ours has the root of their covariance too, computed once a dataset, at {once:.1f} times the cost of one distance.
Of our time one symmetric product (the samples' covariance, in float64, by BLAS) is {product:.2f}, the eigenvalues
of one symmetric matrix (by LAPACK) {eigenvalues:.2f}. torch-fidelity takes {limit:.2f} times as long as these two
alone: no distance made of them gets further ahead of it.
"""
