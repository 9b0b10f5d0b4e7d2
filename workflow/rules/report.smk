rule plan:
    output:
        f"{RESULTS}/plan.json",
    log:
        f"{RESULTS}/plan.log",
    priority: 100  # first, as `python -m wae status` reads it
    localrule: True
    conda:
        ENVIRONMENT
    params:
        job=lambda w: job(["wae.planning.plan"], config=WHOLE_CONFIG),  # as it is: a plain text with {x} would be a pattern
    shell:
        "python -m wae plan --job {params.job:q} --out {output} 2> {log}"


# The runs' files come from functions: Snakemake hashes a plain list of n files n times.
rule collect:
    input:
        plan=rules.plan.output,
        metrics=lambda w: of_runs("metrics.json"),
        runs=lambda w: of_runs("run.json"),
        references=[f"{folder}/reference.json" for folder in REFERENCES.values()],
    output:
        metrics=report(f"{RESULTS}/metrics.csv", caption="../report/metrics.rst", category="Results"),
        runs=f"{RESULTS}/runs.csv",
    log:
        f"{RESULTS}/collect.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        job=job(["wae.analysis.runs"]),
    shell:
        "python -m wae collect --plan {input.plan} --results results --out $(dirname {output.metrics}) 2> {log}"


rule manifest:
    input:
        plan=rules.plan.output,
        metrics=rules.collect.output,
    output:
        f"{RESULTS}/manifest.json",
    log:
        f"{RESULTS}/manifest.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        job=job(["wae.commands.manifest"]),
    shell:
        "python -m wae manifest --plan {input.plan} --results results --out {output} 2> {log}"


rule analyse:
    input:
        metrics=rules.collect.output,
        timing=rules.timing.output,
        manifest=rules.manifest.output,
        claims=CONFIG.report.claims,
        anchors="config/anchors.yaml",
    output:
        [f"{RESULTS}/{name}" for name in ANALYSIS if name != "claims.json"],
        claims=report(f"{RESULTS}/claims.json", caption="../report/claims.rst", category="Results"),
    log:
        f"{RESULTS}/analyse.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        job=job(["wae.analysis", *own_judges(CONFIG.report.claims)]),
    shell:
        "python -m wae analyse --experiment $(dirname {output.claims}) --claims {input.claims} --anchors {input.anchors}"
        " 2> {log}"


rule tables:
    input:
        analysis=rules.analyse.output,
        manifest=rules.manifest.output,
    output:
        report(
            directory(f"{REPORT}/tables"),
            patterns=["{name}.csv"],
            caption="../report/tables.rst",
            category="Tables",
            labels={"table": "{name}"},
        ),
    log:
        f"{RESULTS}/tables.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        job=job(["wae.report.tables.write"]),
    shell:
        "python -m wae tables --experiment $(dirname {input.manifest}) --out {output} 2> {log}"


rule figures:
    input:
        analysis=rules.analyse.output,
        manifest=rules.manifest.output,
        runs=lambda w: [*of_runs("history.csv"), *of_runs("trajectory.csv")],
    output:
        report(
            directory(f"{REPORT}/figures"),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        f"{RESULTS}/figures.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: 4
    params:
        job=job(["wae.report.figures.draw", *(f.partition(":")[0] for f in CONFIG.report.figures)]),
    shell:
        "python -m wae figures --experiment $(dirname {input.manifest}) --out {output} --processes {threads} 2> {log}"


TEMPLATES = os.path.join(workflow.basedir, "wae/report/page/templates")


rule page:
    input:
        experiment=rules.manifest.output,
        tables=rules.tables.output,
        figures=rules.figures.output,
        templates=[f"wae/report/page/templates/{name}" for name in sorted(os.listdir(TEMPLATES))],
    output:
        report("reports/summary.html", caption="../report/page.rst", category="Page"),
    log:
        f"{RESULTS}/page.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        job=job(["wae.report.page.render"], experiment=CONFIG.experiment),
    shell:
        "python -m wae page --experiment $(dirname {input.experiment}) --report $(dirname {input.tables})"
        " --out {output} 2> {log}"


# What is complete so far, after `--keep-going`: always made anew, beside the whole report and never in its place.
rule report_partial:
    input:
        plan=rules.plan.output,
        claims=CONFIG.report.claims,
        anchors="config/anchors.yaml",
    log:
        f"{RESULTS}/partial.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        page=f"{REPORT}/partial/summary.html",
    shell:
        "python -m wae partial --plan {input.plan} --results results --claims {input.claims} --anchors {input.anchors}"
        " --out {params.page} 2> {log}"
