rule prepare:
    output:
        prepared("results/data/{data_id}"),
    log:
        "results/data/{data_id}/prepare.log",
    conda:
        ENVIRONMENT
    resources:
        plan=PLAN_FILE,
    params:
        name=dataset_of,
        settings=lambda w: jobs.digest(CONFIG.datasets[dataset_of(w)].model_dump(), 16),
        code=lambda w: jobs.code_of("prepare", CONFIG.datasets[dataset_of(w)].source),
    shell:
        "python -m wae prepare --plan {resources.plan} --dataset {params.name} 2> {log}"
