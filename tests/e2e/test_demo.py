"""`sentiprism demo` where what it would analyse cannot be fetched."""

from functools import partial

from makers_cli import SIZES
from sentiprism.assets.pinned import ASSETS
from sentiprism.cli.demo import RECORDINGS
from sentiprism.data.synthetic import synthetic_dataset
from sentiprism.environment import OFFLINE


def test_without_its_recordings_it_trains_and_hints_at_no_page_that_is_not_there(cli, tmp_path, monkeypatch):
    monkeypatch.setenv(OFFLINE, "1")
    for asset in RECORDINGS:
        monkeypatch.setenv(ASSETS[asset].variable, str(tmp_path / "nothing"))
    monkeypatch.setattr("sentiprism.data.synthetic.synthetic_dataset", partial(synthetic_dataset, "tiny", sizes=SIZES))
    answer = cli("demo", "--seeds", 1, "--device", "cpu")
    assert answer.status == 0, answer.err
    assert "no recording was analysed: " in answer.err
    assert "MAE" in answer.out
    assert answer.err.splitlines()[-1] == "next: sentiprism analyze YOUR_VIDEO.mp4, or in a browser: sentiprism studio"
    assert not (tmp_path / "demo").exists()
