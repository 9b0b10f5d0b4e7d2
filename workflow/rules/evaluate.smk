# A classifier is trained on the dataset's labels; other extractors' weights are fetched or read from a file.
rule classifier:
    input:
        outdated,
        prepared("results/data/{data_id}"),
    output:
        record="results/extractors/{data_id}/{extractor_id}/extractor.json",
        weights="results/extractors/{data_id}/{extractor_id}/weights.safetensors",
    log:
        "results/extractors/{data_id}/{extractor_id}/extractor.log",
    wildcard_constraints:
        extractor_id=extractor_ids(trained=True),
    priority: 10  # before the training, as every evaluation waits for it and for the reference
    conda:
        ENVIRONMENT
    threads: CONFIG.execution.threads
    resources:
        plan=PLAN_FILE,
        gpu=GPU,
    params:
        dataset=dataset_of,
        name=extractor_of,
        made_from=lambda w: sorted(made_from.of_extractor(PLAN, extractor_of(w)).items()),
    shell:
        "python -m wae extractor --plan {resources.plan} --dataset {params.dataset} --extractor {params.name} 2> {log}"


use rule classifier as pretrained with:
    output:
        record="results/extractors/{data_id}/{extractor_id}/extractor.json",
    wildcard_constraints:
        extractor_id=extractor_ids(trained=False),
    resources:
        plan=PLAN_FILE,
        gpu=0,


rule reference:
    input:
        outdated,
        data=prepared("results/data/{data_id}"),
        extractor=lambda w: f"results/extractors/{w.data_id}/{PLAN.extractor_id(extractor_of(w))}/extractor.json",
    output:
        scores="results/reference/{data_id}/{reference_id}/reference.json",
        features="results/reference/{data_id}/{reference_id}/reference.npz",
    log:
        "results/reference/{data_id}/{reference_id}/reference.log",
    priority: 10
    conda:
        ENVIRONMENT
    threads: CONFIG.execution.threads
    resources:
        plan=PLAN_FILE,
        gpu=GPU,
    params:
        dataset=dataset_of,
        name=extractor_of,
        made_from=lambda w: sorted(made_from.of_reference(PLAN, extractor_of(w)).items()),
    shell:
        "python -m wae reference --plan {resources.plan} --dataset {params.dataset} --extractor {params.name} 2> {log}"


rule evaluate:
    input:
        outdated,
        run=f"{RUN}/run.json",
        trained=[f"{RUN}/settings.json", f"{RUN}/weights.safetensors"],
        meta=lambda w: f"{DATA[w.dataset]}/meta.json",
        reference=references_of,
    output:
        metrics=f"{RUN}/metrics.json",
        trajectory=f"{RUN}/trajectory.csv",
        explorer=f"{RUN}/explorer.json",
        samples=f"{RUN}/images/samples.png",
        reconstructions=f"{RUN}/images/reconstructions.png",
        interpolations=f"{RUN}/images/interpolations.png",
        latent=f"{RUN}/images/latent.csv",
    log:
        f"{RUN}/evaluate.log",
    conda:
        ENVIRONMENT
    threads: CONFIG.execution.threads
    resources:
        plan=PLAN_FILE,
        gpu=GPU,
    params:
        made_from=sorted(made_from.of_scores(PLAN).items()),
    shell:
        "python -m wae evaluate --plan {resources.plan} --cell {wildcards.dataset}/{wildcards.method:q}/seed{wildcards.seed}"
        " 2> {log:q}"
