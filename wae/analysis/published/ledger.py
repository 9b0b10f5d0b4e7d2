"""The ledger of published results (config/anchors.yaml), each with the protocol it was obtained under."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from wae.core.errors import UserError, one_line, unknown_name

SCHEMA = Path(__file__).resolve().parents[2] / "core/schemas/anchors.schema.yaml"


@dataclass(frozen=True)
class Published:
    """One published number: where it stands, and the fields that its protocol states."""

    protocol: str
    source: str
    dataset: str
    method: str
    metric: str
    subject: str
    value: float
    standing: str
    tolerance: float  # absolute, in the metric's unit
    runs: tuple[float, ...]  # the same number from each of the source's own runs, where it shows several
    calibration: bool  # ours trains nothing: it depends on no seed
    fields: Mapping[str, Any]
    recalled: frozenset[str]  # fields that no source here shows
    note: str


def load_ledger(path: str | Path, schema: str | Path = SCHEMA) -> dict[str, Any]:
    """The ledger at ``path``, checked against ``schema`` and for names that nothing defines (UserError)."""
    try:
        ledger: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({one_line(error)}); correct the ledger") from error
    validator = jsonschema.Draft202012Validator(yaml.safe_load(Path(schema).read_text(encoding="utf-8")))
    for fault in sorted(validator.iter_errors(ledger), key=lambda fault: fault.json_path):
        raise UserError(f"{path}: {fault.json_path}: {fault.message}; correct the ledger")
    for name, protocol in ledger["protocols"].items():
        where = f"{path}: protocols.{name}"
        if protocol["source"] not in ledger["sources"]:
            raise UserError(f"{where}: {unknown_name('source', protocol['source'], ledger['sources'])}")
        layers = [protocol["fields"]]
        for kind in ("methods", "datasets", "cells"):
            layers.extend(protocol.get(kind, {}).values())
        layers.extend(dict.fromkeys(names) for names in protocol.get("recalled", {}).values())
        for field in dict.fromkeys(field for layer in layers for field in layer):
            if field not in ledger["fields"]:
                raise UserError(f"{where}: {unknown_name('field', field, ledger['fields'])}")
    for anchor in ledger["anchors"]:
        if anchor["protocol"] not in ledger["protocols"]:
            raise UserError(f"{path}: anchors: {unknown_name('protocol', anchor['protocol'], ledger['protocols'])}")
        if anchor["metric"] not in ledger["tolerances"] and not {"absolute", "tolerance"} & anchor.keys():
            raise UserError(
                f"{path}: anchors: {anchor['metric']} of {anchor['protocol']} has no tolerance; add `absolute`"
            )
    return ledger


def published(ledger: Mapping[str, Any]) -> list[Published]:
    """All numbers of the ledger, one entry per number, each with its own merged protocol."""
    entries = []
    for anchor in ledger["anchors"]:
        protocol = ledger["protocols"][anchor["protocol"]]
        dataset, method = anchor["dataset"], anchor["method"]
        fields = dict(protocol["fields"])
        for kind, key in (("methods", method), ("datasets", dataset), ("cells", f"{dataset}/{method}")):
            fields |= protocol.get(kind, {}).get(key, {})
        recalled = protocol.get("recalled", {})
        for subject, value in anchor["values"].items():
            entries.append(
                Published(
                    protocol=anchor["protocol"],
                    source=ledger["sources"][protocol["source"]]["title"],
                    dataset=dataset,
                    method=method,
                    metric=anchor["metric"],
                    subject=subject,
                    value=float(value),
                    standing=anchor["standing"],
                    tolerance=_tolerance(anchor, float(value), ledger["tolerances"]),
                    runs=tuple(anchor.get("runs", ())),
                    calibration=anchor.get("calibration", False),
                    fields=fields,
                    recalled=frozenset([*recalled.get("all", []), *recalled.get(method, [])]),
                    note=anchor.get("note", ""),
                )
            )
    return entries


def _tolerance(anchor: Mapping[str, Any], value: float, shares: Mapping[str, float]) -> float:
    """The anchor's own absolute tolerance, or the share of ``value`` that it or its metric allows."""
    if "absolute" in anchor:
        return float(anchor["absolute"])
    share: float = anchor.get("tolerance", shares.get(anchor["metric"], 0.0))
    return share * abs(value)
