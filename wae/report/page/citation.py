"""BibTeX for this suite, with its version and the result's digest, and for the papers it rests on."""

from wae.analysis.results import Results
from wae.core.version import __version__

PAPERS = r"""@inproceedings{tolstikhin2018wasserstein,
  title     = {Wasserstein Auto-Encoders},
  author    = {Tolstikhin, Ilya and Bousquet, Olivier and Gelly, Sylvain and Sch{\"o}lkopf, Bernhard},
  booktitle = {International Conference on Learning Representations},
  year      = {2018},
  eprint    = {1711.01558}
}
@inproceedings{kingma2014auto,
  title     = {Auto-Encoding Variational {Bayes}},
  author    = {Kingma, Diederik P. and Welling, Max},
  booktitle = {International Conference on Learning Representations},
  year      = {2014},
  eprint    = {1312.6114}
}
@inproceedings{heusel2017gans,
  title     = {{GANs} Trained by a Two Time-Scale Update Rule Converge to a Local {Nash} Equilibrium},
  author    = {Heusel, Martin and Ramsauer, Hubert and Unterthiner, Thomas and Nessler, Bernhard and Hochreiter, Sepp},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2017}
}
@inproceedings{ghosh2020variational,
  title     = {From Variational to Deterministic Autoencoders},
  author    = {Ghosh, Partha and Sajjadi, Mehdi S. M. and Vergari, Antonio and Black, Michael and
               Sch{\"o}lkopf, Bernhard},
  booktitle = {International Conference on Learning Representations},
  year      = {2020},
  eprint    = {1903.12436}
}
@inproceedings{chong2020effectively,
  title     = {Effectively Unbiased {FID} and {Inception} Score and Where to Find Them},
  author    = {Chong, Min Jin and Forsyth, David},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2020}
}
@article{gretton2012kernel,
  title   = {A Kernel Two-Sample Test},
  author  = {Gretton, Arthur and Borgwardt, Karsten M. and Rasch, Malte J. and Sch{\"o}lkopf, Bernhard and
             Smola, Alexander},
  journal = {Journal of Machine Learning Research},
  volume  = {13},
  pages   = {723--773},
  year    = {2012}
}
@inproceedings{hoffman2016elbo,
  title     = {{ELBO} Surgery: Yet Another Way to Carve Up the Variational Evidence Lower Bound},
  author    = {Hoffman, Matthew D. and Johnson, Matthew J.},
  booktitle = {Workshop in Advances in Approximate Bayesian Inference, NIPS},
  year      = {2016}
}
"""


def suite_bibtex(results: Results) -> str:
    """The entry for this result: the suite, its version and commit, and the first digits of metrics.csv's sha256."""
    manifest = results.manifest
    version = manifest.get("versions", {}).get("wae") or __version__
    commit = str(manifest.get("commit") or "unknown")[:12]
    digest = str(manifest.get("result_digest") or "unknown")[:16]
    clean = manifest.get("clean_tree")
    dirty = "" if clean else ", whether with changes is unknown" if clean is None else ", with changes not committed"
    note = f"Version {version}, commit {commit}{dirty}; experiment {_plain(results.experiment)}, result sha256 {digest}"
    return (
        "@software{wae_benchmark,\n"
        "  title   = {wae-benchmark: a benchmark and reproducibility suite for {Wasserstein} autoencoders},\n"
        "  author  = {{The authors of wae-benchmark}},\n"
        f"  version = {{{version}}},\n"
        f"  note    = {{{note}}}\n"
        "}\n"
    )


def _plain(text: str) -> str:
    """What BibTeX can print of a name."""
    return "".join(character for character in text if character.isalnum() or character in "._-").replace("_", r"\_")
