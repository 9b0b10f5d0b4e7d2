import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, os.path.dirname(os.path.dirname(workflow.current_basedir)))

from wae.analysis.claims.claims_file import own_judges
from wae.analysis.files import NAMES as ANALYSIS
from wae.core.errors import UserError
from wae.core.files import load_yaml
from wae.core.layout import PREPARED, Cell, Layout
from wae.core.plugins import ROOT
from wae.core.settings import BUILT_HERE
from wae.planning import jobs, made_from
from wae.planning.plan import load_plan

try:
    for file in workflow.configfiles:
        load_yaml(file)  # stricter than Snakemake, which takes the last of two equal keys
    PLAN = load_plan(config)
    PLAN_FILE = jobs.write_plan(PLAN)  # a resource of each rule: as a param, any edit of the config would rerun all
    CLAIMS = jobs.claims_file(PLAN)
    JUDGES = own_judges(CLAIMS)
    # What is not made from what this config leads to, whatever .snakemake remembers; jobs elsewhere need not ask again.
    OUTDATED = made_from.outdated(PLAN, Layout(), JUDGES) if workflow.is_main_process else {}
    if workflow.is_main_process and not PLAN.config.run.partial:  # before Snakemake deletes what is to be made again
        jobs.refuse_unprepared(PLAN, Layout(), OUTDATED)
except UserError as error:
    sys.tracebacklimit = 0  # the fault lies in a config, not at a line of this file
    raise WorkflowError(str(error)) from None

CONFIG = PLAN.config
RESULTS = f"results/{CONFIG.experiment}"
REPORT = f"reports/{CONFIG.experiment}"
RUN = f"{RESULTS}/{{dataset}}/{{method}}/seed{{seed}}"
DATA = {name: f"results/data/{PLAN.data_id(name)}" for name in CONFIG.run.datasets}
REFERENCES = {
    (name, extractor): f"results/reference/{PLAN.data_id(name)}/{PLAN.reference_id(extractor)}"
    for name in CONFIG.run.datasets
    for extractor in CONFIG.run.extractors
}
ENVIRONMENT = "../envs/wae.yaml"
GPU = jobs.devices_per_job(PLAN)

jobs.set_environment(PLAN)
jobs.say_outdated(OUTDATED, CONFIG.run.partial)


def outdated(wildcards):
    """No input: has the jobs that write an outdated record run again, as they would with --forcerun."""
    workflow.dag.forcefiles.update(OUTDATED)
    return []


# Instead of Snakemake's own lock (`nolock` in the profile), which a killed workflow leaves behind.
onstart:
    try:
        jobs.claim_folder()
    except UserError as error:
        sys.tracebacklimit = 0
        raise WorkflowError(str(error)) from None
    if workflow.local_exec:
        # Snakemake 9.27 limits how many jobs it starts per second, and for it looks at all ready jobs once per second for
        # each job that has ended: with hundreds of runs that takes most of a core. Without the limit it looks when a job
        # ends.
        workflow.scheduler.job_rate_limiter = None


wildcard_constraints:
    dataset="[A-Za-z0-9_.-]+",
    method="[^/]+",
    seed=r"\d+",
    data_id="[^/]+",


def dataset_of(wildcards):
    return next(name for name in CONFIG.run.datasets if PLAN.data_id(name) == wildcards.data_id)


def cell_of(wildcards):
    return Cell(wildcards.dataset, wildcards.method, int(wildcards.seed))


def prepared(folder):
    """The files of a prepared dataset."""
    return [f"{folder}/{file}" for file in PREPARED]


def extractor_of(wildcards):
    """The name of the extractor of a rule's extractor_id or reference_id."""
    if hasattr(wildcards, "extractor_id"):
        return next(name for name in CONFIG.run.extractors if PLAN.extractor_id(name) == wildcards.extractor_id)
    return next(name for name in CONFIG.run.extractors if PLAN.reference_id(name) == wildcards.reference_id)


def extractor_ids(trained):
    """A regular expression for the ids of the extractors that are trained here, or of the others."""
    names = [name for name in CONFIG.run.extractors if (CONFIG.extractors[name].kind in BUILT_HERE) == trained]
    return "|".join(PLAN.extractor_id(name) for name in names) or "(?!)"


def references_of(wildcards):
    folders = [REFERENCES[wildcards.dataset, name] for name in CONFIG.run.extractors]
    return [f"{folder}/{file}" for folder in folders for file in ("reference.json", "reference.npz")]


def finished(paths):
    """All of ``paths``; in a partial report, which makes none of them, those that are there."""
    return [path for path in paths if os.path.exists(path)] if CONFIG.run.partial else list(paths)


def of_runs(file):
    """The path of ``file`` in every run of the plan, if it is ``finished``."""
    return finished(f"{RESULTS}/{r.dataset}/{r.method}/seed{r.seed}/{file}" for r in PLAN.runs)
