# A classifier is trained on the dataset's labels; the weights of all other extractors are there already.
rule classifier:
    input:
        [f"results/data/{{data_id}}/{file}" for file in DATA_FILES],
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
    resources:
        gpu=GPU,
    params:
        job=lambda w: job(
            ["wae.evaluation.features", *OWN_EXTRACTORS],
            extractor=CONFIG.extractors[extractor_of(w.extractor_id)].model_dump(),
        ),
    shell:
        "python -m wae extractor --job {params.job:q} --data results/data/{wildcards.data_id}"
        " --out $(dirname {output.record}) 2> {log}"


use rule classifier as extractor with:
    output:
        record="results/extractors/{data_id}/{extractor_id}/extractor.json",
    wildcard_constraints:
        extractor_id=extractor_ids(trained=False),


rule reference:
    input:
        data=data_of_id,
        extractor=lambda w: f"results/extractors/{w.data_id}/{PLAN.extractor_id(reference_extractor(w))}/extractor.json",
    output:
        scores="results/reference/{data_id}/{reference_id}/reference.json",
        features="results/reference/{data_id}/{reference_id}/reference.npz",
    log:
        "results/reference/{data_id}/{reference_id}/reference.log",
    priority: 10
    conda:
        ENVIRONMENT
    resources:
        gpu=GPU,
    params:
        job=lambda w: job(["wae.evaluation.reference", *OWN_EXTRACTORS], **PLAN.reference_settings()),
    shell:
        "python -m wae reference --job {params.job:q} --data results/data/{wildcards.data_id}"
        " --extractor $(dirname {input.extractor}) --out $(dirname {output.scores}) 2> {log}"


EVALUATION = job(
    [
        "wae.evaluation.run",
        *OWN_EXTRACTORS,
        *(m.partition(":")[0] for m in CONFIG.evaluation.metrics),
    ],
    evaluation=CONFIG.evaluation.model_dump(),
)


rule evaluate:
    input:
        run=f"{RUN}/run.json",
        trained=[f"{RUN}/settings.json", f"{RUN}/weights.safetensors"],
        meta=lambda w: f"{DATA[w.dataset]}/meta.json",
        reference=lambda w: [
            f"{REFERENCES[w.dataset, name]}/{file}"
            for name in CONFIG.run.extractors
            for file in ("reference.json", "reference.npz")
        ],
    output:
        metrics=f"{RUN}/metrics.json",
        trajectory=f"{RUN}/trajectory.csv",
        samples=f"{RUN}/images/samples.png",
        reconstructions=f"{RUN}/images/reconstructions.png",
        interpolations=f"{RUN}/images/interpolations.png",
        latent=f"{RUN}/images/latent.csv",
    log:
        f"{RUN}/evaluate.log",
    conda:
        ENVIRONMENT
    resources:
        gpu=GPU,
    params:
        job=lambda w: EVALUATION,
    shell:
        "python -m wae evaluate --job {params.job:q} --run $(dirname {input.run}) --data $(dirname {input.meta})"
        " $(for file in {input.reference}; do case $file in *.json) echo --reference $(dirname $file);; esac; done)"
        " 2> {log}"
