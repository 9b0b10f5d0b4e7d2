"""Write what the site shows of the code itself: two pictures and the tables of scores.

python docs/generate.py     # or: make docs-files

docs/pictures/workflow.svg from `snakemake --rulegraph`, docs/pictures/rooms.svg from the imports of wae/, the tables of
docs/measures.md from what the metrics declare on their functions, with docs/traps.yaml, and that of docs/commands.md
from the command line. tests/docs compares all with the code.
"""

import importlib
import inspect
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

from wae import cli, evaluation  # noqa: E402
from wae.evaluation.metric import Metric, facts  # noqa: E402
from wae.planning.fingerprint import absolute, scan  # noqa: E402

layered = runpy.run_path(str(DOCS / "layered.py"))
Box, draw = layered["Box"], layered["draw"]
HUES = ("#dcefe6", "#dbe8f7", "#fbe5d6", "#efe3f3", "#f3efcf", "#e6e9ec")


def workflow() -> str:
    """The workflow's picture: an arrow from each rule to those that need what it makes."""
    options = ("--cores", "1", "--configfile", "config/config.yaml", "--forceall", "--nolock", "--rulegraph", "dot")
    command = [sys.executable, "-m", "snakemake", *options, "all"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = result.stdout
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)"', found, re.M))
    arrows = {(names[a], names[b]) for a, b in re.findall(r"^\s*(\d+) -> (\d+)$", found, re.M) if names[b] != "all"}
    words = {command.__name__: command.__doc__ or "" for command in cli.COMMANDS}
    words |= {"classifier": words["extractor"], "summary": "The page of the config that ran last."}
    files = {
        rule: path.stem
        for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
        for rule in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), re.M)
    }
    hues = dict(zip(("data", "evaluate", "train", "timing", "report"), HUES, strict=False))
    boxes = [Box(n, re.split(r"[:;.] |\.$", words[n])[0], hues[files[n]]) for n in names.values() if n != "all"]
    return draw(boxes, arrows, "The workflow's rules: an arrow leads from a rule to those that need what it makes")


def rooms() -> str:
    """The library's picture: an arrow from each room to those that it imports."""
    arrows, words = set(), {}
    for path in sorted([*ROOT.glob("wae/**/*.py"), *ROOT.glob("baselines/**/*.py")]):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module not in ("wae", "wae.__main__"):
            for name in scan(path).imports:
                arrows.add((room(module), room(absolute(name, module, path))))
            if path.name == "__init__.py" and module.count(".") < 2:
                words[room(module)] = path.read_text(encoding="utf-8").split('"""')[1].split("\n")[0]
    words["cli"] = "The command wae"
    arrows = {(a, b) for a, b in arrows if a != b and {a, b} <= set(words)}
    short = {name: text if len(text) < 90 else text.partition(":")[0] for name, text in words.items()}
    boxes = [Box(name, short[name].rstrip("."), hue(name)) for name in sorted(words)]
    return draw(boxes, arrows, "The rooms of wae/: an arrow leads from a room to those that it imports")


def room(module: str) -> str:
    """The room of a module, the whole name of another package's."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "wae" else first


def hue(name: str) -> str:
    groups = (("data", "models", "mmd"), ("methods", "training", "baselines"), ("evaluation", "timing"),
              ("analysis",), ("report", "commands", "cli"))  # fmt: skip
    return next((colour for group, colour in zip(groups, HUES, strict=False) if name in group), HUES[-1])


def declared() -> dict[str, Metric]:
    """Every metric that a function of wae/evaluation declares, by its name."""
    found: dict[str, Metric] = {}
    for module in pkgutil.iter_modules(evaluation.__path__, "wae.evaluation."):
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isfunction(value):
                found |= facts(value)
    return found


def score_tables(text: str) -> str:
    """The text of docs/measures.md with a table after each comment ``<!-- scores: NAME NAME -->``."""
    known, traps = declared(), yaml.safe_load((DOCS / "traps.yaml").read_text(encoding="utf-8"))
    arrows = {"lower": "lower", "higher": "higher", None: "neither"}

    def table(match: re.Match[str]) -> str:
        rows = ["| score | better | what it is | where it misleads |", "|---|---|---|---|"]
        for name in match[2].split():
            found = known[name]
            title = plain(found.title) + (f" [{found.unit}]" if found.unit else "")
            cells = (f"`{name}`<br>{title}", arrows[found.better], plain(found.definition), traps[name])
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return match[1] + "\n\n" + "\n".join(rows) + "\n\n"

    return re.sub(r"(<!-- scores: ([\w ]+?) -->)\n\n(?:\|.*\n)*\n?", table, text)


def command_table(text: str) -> str:
    """The text of docs/commands.md with the table of all subcommands after its comment."""
    rows = ["| command | what it does | arguments |", "|---|---|---|"]
    for function, names in cli.COMMANDS.items():
        arguments = " ".join(f"[`{n.rstrip('?')}`]" if n.endswith("?") else f"`{n}`" for n in names.split())
        rows.append(f"| `wae {function.__name__}` | {function.__doc__} | {arguments} |")
    table = "<!-- commands -->\n\n" + "\n".join(rows) + "\n"
    return re.sub(r"<!-- commands -->\n\n(?:\|.*\n)*", lambda _: table, text)


def plain(text: str) -> str:
    """A title or definition without its place-holders for the extractor's name."""
    for holder, words in ((", {e}", ""), ("{e}", "classifier"), ("{f} neigh", "feature neigh"), ("{f}", "features")):
        text = text.replace(holder, words)
    return text


def files() -> dict[Path, str]:
    """The text of each generated file by its path."""
    measures, commands = DOCS / "measures.md", DOCS / "commands.md"
    return {
        DOCS / "pictures/workflow.svg": workflow(),
        DOCS / "pictures/rooms.svg": rooms(),
        measures: score_tables(measures.read_text(encoding="utf-8")),
        commands: command_table(commands.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
