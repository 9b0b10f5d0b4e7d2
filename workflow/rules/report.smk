rule plan:
    output:
        f"{RESULTS}/plan.json",
    params:
        job=job(["wae.plan"], config=config),
    log:
        f"{RESULTS}/plan.log",
    conda:
        ENVIRONMENT
    localrule: True
    priority: 100  # first, as `python -m wae status` reads it
    shell:
        "python -m wae plan --job {params.job:q} --out {output} 2> {log}"


rule collect:
    input:
        plan=rules.plan.output,
        metrics=of_runs("metrics.json"),
        runs=of_runs("run.json"),
        references=[f"{folder}/reference.json" for folder in REFERENCES.values()],
    output:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/runs.csv",
    params:
        job=job(["wae.analysis.runs"]),
    log:
        f"{RESULTS}/collect.log",
    conda:
        ENVIRONMENT
    localrule: True
    shell:
        "python -m wae collect --plan {input.plan} --results results --out $(dirname {output[0]}) 2> {log}"


rule manifest:
    input:
        plan=rules.plan.output,
        metrics=rules.collect.output,
    output:
        f"{RESULTS}/manifest.json",
    params:
        job=job(["wae.provenance"]),
    log:
        f"{RESULTS}/manifest.log",
    conda:
        ENVIRONMENT
    localrule: True
    shell:
        "python -m wae manifest --plan {input.plan} --results results --out {output} 2> {log}"


rule analyse:
    input:
        metrics=rules.collect.output,
        timing=rules.timing.output,
        claims="config/claims.yaml",
        anchors="config/anchors.yaml",
    output:
        f"{RESULTS}/timing_fits.json",
        f"{RESULTS}/claims.json",
        f"{RESULTS}/divergences.json",
    params:
        job=job(["wae.analysis"]),
    log:
        f"{RESULTS}/analyse.log",
    conda:
        ENVIRONMENT
    localrule: True
    shell:
        "python -m wae analyse --experiment $(dirname {output[0]}) --claims {input.claims} --anchors {input.anchors}"
        " 2> {log}"


rule tables:
    input:
        rules.analyse.output,
        rules.manifest.output,
    output:
        directory(f"{REPORT}/tables"),
    params:
        job=job(["wae.report.tables"]),
    log:
        f"{RESULTS}/tables.log",
    conda:
        ENVIRONMENT
    localrule: True
    shell:
        "python -m wae tables --experiment $(dirname {input[0]}) --out {output} 2> {log}"


rule figures:
    input:
        rules.analyse.output,
        rules.manifest.output,
        of_runs("history.csv"),
        of_runs("images/samples.png"),
    output:
        directory(f"{REPORT}/figures"),
    params:
        job=job(["wae.report.figures"]),
    log:
        f"{RESULTS}/figures.log",
    conda:
        ENVIRONMENT
    localrule: True
    shell:
        "python -m wae figures --experiment $(dirname {input[0]}) --out {output} 2> {log}"


rule page:
    input:
        experiment=rules.manifest.output,
        tables=rules.tables.output,
        figures=rules.figures.output,
    output:
        "reports/summary.html",
    params:
        job=job(["wae.report.page"], experiment=CONFIG.experiment),
    log:
        f"{RESULTS}/page.log",
    conda:
        ENVIRONMENT
    localrule: True
    shell:
        "python -m wae page --experiment $(dirname {input.experiment}) --report $(dirname {input.tables})"
        " --out {output} 2> {log}"
