"""Types and ranges that several sections of a config share."""

import difflib
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SeedStream = Literal["first_weights", "data_order", "training_draws", "samples"]
MEASURE = r"^[A-Za-z][A-Za-z0-9_.-]*(/(prior|reconstruction|codes|mixture))?$"
SecondaryMeasure = Annotated[str, Field(pattern=MEASURE)]
Positive = Annotated[int, Field(ge=1, le=10**9)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Widths = Annotated[list[Width], Field(max_length=8)]
Batch = Annotated[int, Field(ge=2, le=10**6)]
Side = Annotated[int, Field(ge=1, le=4096)]
Seconds = Annotated[float, Field(gt=0, le=10**7)]
Rate = Annotated[float, Field(gt=0, le=10)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME)]
METHOD_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}(@[A-Za-z0-9_.,+=-]{1,100})?$"  # variants too: METHOD@KEY=VALUE
MethodName = Annotated[str, Field(pattern=METHOD_NAME)]
CELL_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}/[A-Za-z][A-Za-z0-9_.-]{0,63}$"
CellName = Annotated[str, Field(pattern=CELL_NAME)]
DOTTED = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
Dotted = Annotated[str, Field(pattern=DOTTED)]
DEVICE = r"^(auto|cpu|cuda(:\d+)?)$"
SHA256 = r"^[0-9a-f]{64}$"
COMMIT = r"^[0-9a-f]{1,64}$"


class Strict(BaseModel):
    """Unknown keys, wrong types, NaN and infinity are refused; values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class OneOf:
    """A check of text: one of ``known``, or a dotted path to something of the user's own (ValueError)."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def __call__(self, value: str) -> str:
        if re.fullmatch(DOTTED, value) is None and value not in self.known:
            near = difflib.get_close_matches(value, self.known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"need {', '.join(self.known)} or package.module:name{hint}")
        return value


Text = Field(max_length=200)
Architecture = Annotated[str, Text, AfterValidator(OneOf("dcgan", "mlp"))]
PriorName = Annotated[str, Text, AfterValidator(OneOf("normal", "uniform", "sphere"))]
CostName = Annotated[str, Text, AfterValidator(OneOf("l2sq", "l2", "l1", "bce"))]
