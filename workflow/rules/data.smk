rule prepare:
    output:
        [f"results/data/{{data_id}}/{file}" for file in DATA_FILES],
    log:
        "results/data/{data_id}/prepare.log",
    conda:
        ENVIRONMENT
    params:
        job=lambda w: job(
            [
                "wae.data.source",
                CONFIG.datasets[dataset_of(w.data_id)].source.partition(":")[0],
            ],
            dataset=CONFIG.datasets[dataset_of(w.data_id)].model_dump(),
        ),
    shell:
        "python -m wae prepare --job {params.job:q} --out results/data/{wildcards.data_id} 2> {log}"
