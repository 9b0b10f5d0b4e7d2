"""One verdict per claim over several experiments, so that no text can pick the one that suits it."""

from collections.abc import Sequence
from pathlib import Path

from wae.analysis.claims.judging import judge_folders
from wae.analysis.files import CLAIMS
from wae.core.errors import printable
from wae.core.files import write_text
from wae.report.tables.claim_tables import fixed_said, markdown, summary


def claims(folders: Sequence[Path], file: Path, out: Path | None = None) -> None:
    """Judge the claims of ``file`` over the experiments in ``folders`` and print the verdicts.

    With ``out``, claims.json and claims.md are written there, with the evidence of each experiment.
    """
    document = judge_folders(folders, file)
    print("\n".join([*summary(document), "", printable(fixed_said(document))]))
    if out is not None:
        CLAIMS.write(out, document)
        write_text(out / "claims.md", markdown(document))
