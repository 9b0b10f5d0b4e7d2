import os
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from wae.errors import UserError
from wae.files import canonical_json, load_yaml
from wae.plan import data_root, load_plan
from wae.sources import code_digest


try:
    for file in workflow.configfiles:
        load_yaml(file)  # stricter than Snakemake, which takes the last of two equal keys
    PLAN = load_plan(config)
except UserError as error:
    sys.tracebacklimit = 0  # the fault lies in a config, not at a line of this file
    raise WorkflowError(str(error)) from None

CONFIG = PLAN.config
RESULTS = f"results/{CONFIG.experiment}"
REPORT = f"reports/{CONFIG.experiment}"
RUN = f"{RESULTS}/{{dataset}}/{{method}}/seed{{seed}}"
DATA = {name: f"results/data/{PLAN.data_id(name)}" for name in CONFIG.run.datasets}
DATA_FILES = ["train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy", "meta.json"]
REFERENCES = {
    (name, extractor): f"results/reference/{PLAN.data_id(name)}/{PLAN.reference_id(extractor)}"
    for name in CONFIG.run.datasets
    for extractor in CONFIG.extractors
}
ENVIRONMENT = "../envs/wae.yaml"
# A job asks for a device only where there is one; the profile or `--resources gpu=N` says how many run at once.
GPU = int(CONFIG.execution.device != "cpu" and os.path.isdir("/proc/driver/nvidia/gpus"))

# How and where to run reaches the jobs by the environment: it is no part of a result, so it reruns none.
os.environ["WAE_EXECUTION"] = CONFIG.execution.model_dump_json()
if (root := data_root(CONFIG)) is not None:
    os.environ["WAE_DATA_ROOT"] = str(root.resolve())
# One core a job: many jobs side by side are faster than one job on many cores (DESIGN, findings).
os.environ.setdefault("OMP_NUM_THREADS", str(CONFIG.execution.threads))
os.environ.setdefault("MKL_NUM_THREADS", str(CONFIG.execution.threads))


wildcard_constraints:
    dataset="[A-Za-z0-9_.-]+",
    method="[^/]+",
    seed=r"\d+",
    data_id="[^/]+",


def job(code, **settings):
    """A rule's one param: its settings and the digest of the code it runs, as sorted JSON.

    Snakemake compares params as a set of values without names; one JSON text leaves no value to swap.
    """
    return canonical_json({**settings, "code": code_digest(*code)})


def run_of(wildcards):
    return PLAN.cells[wildcards.dataset, wildcards.method, int(wildcards.seed)]


def dataset_of(data_id):
    return next(name for name in CONFIG.run.datasets if PLAN.data_id(name) == data_id)


def data_of(wildcards):
    return [f"{DATA[wildcards.dataset]}/{file}" for file in DATA_FILES]


def data_of_id(wildcards):
    return [f"results/data/{wildcards.data_id}/{file}" for file in DATA_FILES]


def extractor_ids(kind):
    """A regular expression for the ids of the extractors of one kind; it matches nothing where there is none."""
    ids = [PLAN.extractor_id(name) for name, e in CONFIG.extractors.items() if e.kind == kind]
    return "|".join(ids) or "(?!)"


def extractor_of(extractor_id):
    return next(name for name in CONFIG.extractors if PLAN.extractor_id(name) == extractor_id)


def reference_extractor(wildcards):
    return next(name for name in CONFIG.extractors if PLAN.reference_id(name) == wildcards.reference_id)


def of_runs(file):
    """The path of ``file`` in every run of the plan."""
    return [f"{RESULTS}/{r.dataset}/{r.method}/seed{r.seed}/{file}" for r in PLAN.runs]
