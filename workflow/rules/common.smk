import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from wae.analysis.claims.claims_file import own_judges
from wae.analysis.files import NAMES as ANALYSIS
from wae.core.errors import UserError
from wae.core.files import load_yaml
from wae.planning.jobs import claim_folder, devices_per_job, job, set_environment
from wae.planning.plan import load_plan, with_defaults

try:
    for file in workflow.configfiles:
        load_yaml(file)  # stricter than Snakemake, which takes the last of two equal keys
    WHOLE_CONFIG = with_defaults(config)
    PLAN = load_plan(WHOLE_CONFIG)
except UserError as error:
    sys.tracebacklimit = 0  # the fault lies in a config, not at a line of this file
    raise WorkflowError(str(error)) from None

CONFIG = PLAN.config
RESULTS = f"results/{CONFIG.experiment}"
REPORT = f"reports/{CONFIG.experiment}"
RUN = f"{RESULTS}/{{dataset}}/{{method}}/seed{{seed}}"
DATA = {name: f"results/data/{PLAN.data_id(name)}" for name in CONFIG.run.datasets}
DATA_FILES = [
    "train_images.npy",
    "train_labels.npy",
    "test_images.npy",
    "test_labels.npy",
    "meta.json",
]
REFERENCES = {
    (
        name,
        extractor,
    ): f"results/reference/{PLAN.data_id(name)}/{PLAN.reference_id(extractor)}"
    for name in CONFIG.run.datasets
    for extractor in CONFIG.run.extractors
}
ENVIRONMENT = "../envs/wae.yaml"
GPU = devices_per_job(PLAN)

OWN_EXTRACTORS = [
    CONFIG.extractors[name].kind.partition(":")[0] for name in CONFIG.run.extractors if ":" in CONFIG.extractors[name].kind
]

set_environment(PLAN)


# Instead of Snakemake's own lock (`nolock` in the profile), which a killed workflow leaves behind.
onstart:
    try:
        claim_folder()
    except UserError as error:
        sys.tracebacklimit = 0
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset="[A-Za-z0-9_.-]+",
    method="[^/]+",
    seed=r"\d+",
    data_id="[^/]+",


def run_of(wildcards):
    return PLAN.cells[wildcards.dataset, wildcards.method, int(wildcards.seed)]


def dataset_of(data_id):
    return next(name for name in CONFIG.run.datasets if PLAN.data_id(name) == data_id)


def data_of_id(wildcards):
    return [f"results/data/{wildcards.data_id}/{file}" for file in DATA_FILES]


def extractor_ids(trained):
    """A regular expression for the ids of the extractors that are trained here, or are not; nothing for none."""
    kinds = {name: CONFIG.extractors[name].kind for name in CONFIG.run.extractors}
    ids = [PLAN.extractor_id(name) for name, kind in kinds.items() if (kind == "classifier") == trained]
    return "|".join(ids) or "(?!)"


def extractor_of(extractor_id):
    return next(name for name in CONFIG.run.extractors if PLAN.extractor_id(name) == extractor_id)


def reference_extractor(wildcards):
    return next(name for name in CONFIG.run.extractors if PLAN.reference_id(name) == wildcards.reference_id)


def of_runs(file):
    """The path of ``file`` in every run of the plan."""
    return [f"{RESULTS}/{r.dataset}/{r.method}/seed{r.seed}/{file}" for r in PLAN.runs]
