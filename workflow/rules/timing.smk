# Holds every core, so that nothing of this workflow runs beside what it times.
rule timing:
    input:
        plan=f"{RESULTS}/plan.json",
        data=[f"{DATA[name]}/{file}" for name in CONFIG.run.datasets for file in DATA_FILES],
    output:
        timing=f"{RESULTS}/timing.csv",
        machine=f"{RESULTS}/timing_machine.json",
    log:
        f"{RESULTS}/timing.log",
    conda:
        ENVIRONMENT
    threads: workflow.cores or 1
    resources:
        gpu=GPU,
    params:
        job=job(
            [
                "wae.timing",
                *sorted({r.training.implementation.partition(":")[0] for r in PLAN.runs}),
            ],
            timing=CONFIG.timing.model_dump(),
        ),
    shell:
        "python -m wae timing --plan {input.plan} --results results --out $(dirname {output.timing}) 2> {log}"
