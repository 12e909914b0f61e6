"""A fine-tuned text encoder that is written for other models has the states of the model it was trained with."""

import json

import numpy as np
import pytest
import torch

from makers_analysis import features, saved_model
from makers_text import rows_of
from sentiprism.errors import UserError
from sentiprism.export.encoder import TRAINED, export_encoder
from sentiprism.models import load_model
from sentiprism.models.artifact import save_model
from sentiprism.text.encoders import tokenize
from sentiprism.text.frozen import encode_frozen

TEXTS = ["w1 w2 w3", None, "w4"]


@pytest.fixture
def tuned(tmp_path):
    """A saved model whose encoder no longer has the weights that it began with."""
    saved = load_model(saved_model(tmp_path / "model", features(tmp_path / "bert")))
    with torch.no_grad():
        for parameter in saved.model.text_encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    save_model(saved.model, tmp_path / "tuned", saved.metadata)
    return tmp_path / "tuned"


def test_states_are_those_of_the_models_own_encoder(tuned, tmp_path, home):
    folder = export_encoder(tuned, tmp_path / "encoder")
    ids = tokenize(folder, TEXTS, 20)
    encoder = load_model(tuned).model.text_encoder
    found = np.concatenate(rows_of(encode_frozen(folder, ids)))
    expected = []
    for row in ids:
        if len(row):
            with torch.no_grad():
                expected.append(encoder.backbone(input_ids=torch.tensor(row[None])).last_hidden_state[0])
    torch.testing.assert_close(torch.tensor(found), torch.cat(expected), atol=1e-5, rtol=0)
    others = np.concatenate(rows_of(encode_frozen(tmp_path / "bert", ids)))
    assert abs(found - others).max() > 1e-3, "the weights are not those it began with"
    assert json.loads((folder / TRAINED).read_text())["model"] == load_model(tuned).model.name


def test_a_model_without_an_encoder_of_its_own_and_a_folder_that_exists_are_refused(tuned, tmp_path):
    with pytest.raises(UserError, match="starter has no text encoder of its own"):
        export_encoder("starter", tmp_path / "none")
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="there exists already"):
        export_encoder(tuned, tmp_path / "there")
    assert not (tmp_path / "none").exists()
