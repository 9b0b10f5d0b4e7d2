rule train:
    input:
        outdated,
        prepared=lambda w: prepared(DATA[w.dataset]),
    output:
        weights=f"{RUN}/weights.safetensors",
        settings=f"{RUN}/settings.json",
        history=f"{RUN}/history.csv",
        run=f"{RUN}/run.json",
    log:
        f"{RUN}/train.log",
    benchmark:
        f"{RUN}/train.benchmark.tsv"
    priority: 1  # before evaluations, which are short and so fill the cores evenly at the end
    conda:
        ENVIRONMENT
    threads: CONFIG.execution.threads
    resources:
        plan=PLAN_FILE,
        gpu=GPU,
    params:
        made_from=lambda w: sorted(made_from.of_run(PLAN, cell_of(w)).items()),
    shell:
        "python -m wae train --plan {resources.plan} --cell {wildcards.dataset}/{wildcards.method:q}/seed{wildcards.seed}"
        " 2> {log:q}"
