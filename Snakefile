# The front door: `snakemake --cores 8 all`. Another config: add `--configfile config/mnist.yaml`.
# A config is a list of differences from wae/core/defaults.yaml: maps are merged, lists replaced.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        "reports/summary.html",


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/timing.smk"
include: "workflow/rules/report.smk"
