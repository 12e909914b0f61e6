"""Predictions of other types, lengths or utterances are one line, and never more than memory holds."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from makers_damage import refusal
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.reproduction.results import gather

COLUMNS = {
    "nulls": pa.nulls,
    "texts": lambda n: pa.array([f"\x1b[31m{i}" for i in range(n)]),
    "structs": lambda n: pa.array([{"a": 1}] * n),
    "bytes": lambda n: pa.array([b"\xff"] * n),
    "dates": lambda n: pa.array([0] * n, pa.timestamp("s")),
    "ragged": lambda n: pa.array([[1.0] * (i % 3) for i in range(n)]),
    "nested": lambda n: pa.array([[[1.0]]] * n),
    "null in lists": lambda n: pa.array([[1.0, None, 2.0]] * n),
    "truths": lambda n: pa.array([True] * n),
    "numbers too large": lambda n: pa.array([2**62] * n),
    "lists": lambda n: pa.array([[1.0, 2.0]] * n),
}


@pytest.mark.parametrize("damage", COLUMNS)
@pytest.mark.parametrize("name", ["id", "label", "prediction", "present", "video", "low", "weights.modality"])
def test_a_column_of_another_type_is_one_line(folder, name, damage):
    path = folder / "run" / "seed-1111" / "predictions-test.parquet"
    table = pq.read_table(path)
    columns = {column: table[column] for column in table.column_names}
    pq.write_table(pa.table({**columns, name: COLUMNS[damage](table.num_rows)}), path)
    line = refusal(lambda: read_predictions(path))
    if line is None:
        assert damage == "texts"
        assert name in {"id", "present", "video"}
    else:
        assert str(path)[:40] in line


@pytest.mark.parametrize("name", ["id", "label", "prediction", "low"])
def test_a_column_that_is_gone_is_one_line(folder, name):
    path = folder / "run" / "seed-1111" / "predictions-test.parquet"
    pq.write_table(pq.read_table(path).drop_columns([name]), path)
    assert name in refusal(lambda: read_predictions(path))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_predictions_that_are_not_finite_have_no_metric(folder, number):
    path = folder / "run" / "seed-1111" / "predictions-test.parquet"
    table = pq.read_table(path)
    column = pa.array(np.full(table.num_rows, number, np.float32))
    pq.write_table(table.set_column(table.column_names.index("prediction"), "prediction", column), path)
    assert refusal(lambda: gather([folder / "run"], device="cpu")) is not None


def test_rows_without_end_in_a_few_bytes_are_refused(tmp_path):
    many = 70_000_000
    names = pa.DictionaryArray.from_arrays(pa.array(np.zeros(many, np.int8)), pa.array(["a"]))
    numbers = np.zeros(many, np.float32)
    pq.write_table(pa.table({"id": names, "label": numbers, "prediction": numbers}), tmp_path / "p.parquet")
    assert (tmp_path / "p.parquet").stat().st_size < 10_000_000
    assert "more than 200,000,000 values" in refusal(lambda: read_predictions(tmp_path / "p.parquet"))


def test_seeds_with_other_utterances_are_not_stacked(folder):
    run = folder / "run"
    shutil.copytree(run / "seed-1111", run / "seed-1112")
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "1112": summary["1111"]}))
    (run / "run.yaml").write_text((run / "run.yaml").read_text().replace("- 1111\n", "- 1111\n- 1112\n"))
    path = run / "seed-1112" / "predictions-test.parquet"
    pq.write_table(pq.read_table(path).slice(0, 5), path)
    assert "has other utterances than those of seed 1111" in refusal(lambda: gather([run], device="cpu"))
