# The front door: `snakemake --cores 8 all`. Another config: add `--configfile config/mnist.yaml`.
# A config is a list of differences from wae/core/defaults.yaml: maps are merged, lists replaced.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflow/Snakefile"
