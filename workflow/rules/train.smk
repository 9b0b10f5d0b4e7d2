rule train:
    input:
        data=lambda w: [f"{DATA[w.dataset]}/train_{part}.npy" for part in ("images", "labels")],
        meta=lambda w: f"{DATA[w.dataset]}/meta.json",
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
        gpu=GPU,
    params:
        job=lambda w: job(
            ["wae.training.loop", run_of(w).training.implementation.partition(":")[0]],
            run=run_of(w).model_dump(),
        ),
    shell:
        "python -m wae train --job {params.job:q} --data $(dirname {input.meta}) --out $(dirname {output.run}) 2> {log}"
