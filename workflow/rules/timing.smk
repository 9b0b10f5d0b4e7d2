# Holds every core, so that nothing of this workflow runs beside what it times.
rule timing:
    input:
        outdated,
        [file for name in CONFIG.run.datasets for file in prepared(DATA[name])],
    output:
        timing=report(f"{RESULTS}/timing.csv", caption="../report/timing.rst", category="Results"),
        rounds=f"{RESULTS}/timing_rounds.csv",
        machine=f"{RESULTS}/timing_machine.json",
    log:
        f"{RESULTS}/timing.log",
    conda:
        ENVIRONMENT
    threads: workflow.cores or 1
    resources:
        plan=PLAN_FILE,
        gpu=GPU,
    params:
        made_from=sorted(made_from.of_timing(PLAN).items()),
    shell:
        "python -m wae timing --plan {resources.plan} 2> {log}"
