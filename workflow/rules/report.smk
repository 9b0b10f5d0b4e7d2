rule plan:
    input:
        outdated,
    output:
        f"{RESULTS}/plan.json",
    log:
        f"{RESULTS}/plan.log",
    priority: 100  # first, as it checks the plug-ins and as `wae status` reads it
    conda:
        ENVIRONMENT
    resources:
        plan=PLAN_FILE,
    params:
        settings=PLAN.digest(),
        made_from=sorted(made_from.of_plan(PLAN).items()),
    shell:
        "python -m wae plan --plan {resources.plan} --out {output} 2> {log}"


# The runs' files come from functions: Snakemake hashes a plain list of n files n times.
rule collect:
    input:
        plan=rules.plan.output,
        metrics=lambda w: of_runs("metrics.json"),
        runs=lambda w: of_runs("run.json"),
        courses=lambda w: [*of_runs("history.csv"), *of_runs("trajectory.csv")],
        references=lambda w: finished(f"{folder}/reference.json" for folder in REFERENCES.values()),
    output:
        metrics=report(f"{RESULTS}/metrics.csv", caption="../report/metrics.rst", category="Results"),
        runs=f"{RESULTS}/runs.csv",
        facts=f"{RESULTS}/metric_facts.json",
        trajectories=f"{RESULTS}/trajectories.csv",
    log:
        f"{RESULTS}/collect.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        made_from=sorted(made_from.of_stage(PLAN, "collect").items()),
    shell:
        "python -m wae collect --plan {input.plan} 2> {log}"


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
        made_from=sorted(made_from.of_stage(PLAN, "manifest", JUDGES).items()),
    shell:
        "python -m wae manifest --plan {input.plan} 2> {log}"


rule analyse:
    input:
        plan=rules.plan.output,
        metrics=rules.collect.output,
        timing=lambda w: finished(f"{RESULTS}/{name}" for name in ("timing.csv", "timing_machine.json")),
        manifest=rules.manifest.output,
        claims=CLAIMS,
        anchors=jobs.suite_file(jobs.LEDGER),
    output:
        [f"{RESULTS}/{name}" for name in ANALYSIS if name != "claims.json"],
        claims=report(f"{RESULTS}/claims.json", caption="../report/claims.rst", category="Results"),
    log:
        f"{RESULTS}/analyse.log",
    conda:
        ENVIRONMENT
    params:
        made_from=sorted(made_from.of_stage(PLAN, "analyse", JUDGES).items()),
    shell:
        "python -m wae analyse --plan {input.plan} --claims {input.claims:q} --anchors {input.anchors:q} 2> {log}"


rule tables:
    input:
        plan=rules.plan.output,
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
        made_from=sorted(made_from.of_stage(PLAN, "tables").items()),
    shell:
        "python -m wae tables --plan {input.plan} --out {output} 2> {log}"


rule figures:
    input:
        plan=rules.plan.output,
        analysis=rules.analyse.output,
        manifest=rules.manifest.output,
        runs=lambda w: of_runs("history.csv"),
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
    conda:
        ENVIRONMENT
    threads: 4
    params:
        made_from=sorted(made_from.of_stage(PLAN, "figures").items()),
    shell:
        "python -m wae figures --plan {input.plan} --out {output} --processes {threads} 2> {log}"


TEMPLATES = jobs.suite_file("wae/report/page/templates")


rule page:
    input:
        plan=rules.plan.output,
        experiment=rules.manifest.output,
        tables=rules.tables.output,
        figures=rules.figures.output,
        templates=[f"{TEMPLATES}/{name}" for name in sorted(os.listdir(TEMPLATES))],
    output:
        report(f"{REPORT}/summary.html", caption="../report/page.rst", category="Page"),
    log:
        f"{RESULTS}/page.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        made_from=sorted(made_from.of_stage(PLAN, "page").items()),
    shell:
        "python -m wae page --plan {input.plan} --out {output} 2> {log}"


# The page of the config that ran last, where readers look first, and the list of all.
rule summary:
    input:
        rules.page.output,
    output:
        page="reports/summary.html",
        index="reports/index.html",
    log:
        f"{RESULTS}/summary.log",
    localrule: True
    conda:
        ENVIRONMENT
    params:
        experiment=CONFIG.experiment,
    shell:
        "cp {input} {output.page} 2> {log} && python -m wae index 2> {log}"
