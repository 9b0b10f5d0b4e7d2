rule prepare:
    input:
        outdated,
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
        made_from=lambda w: sorted(made_from.of_prepared(PLAN, dataset_of(w), Layout().data(w.data_id)).items()),
    shell:
        "python -m wae prepare --plan {resources.plan} --dataset {params.name} 2> {log}"
