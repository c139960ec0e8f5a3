from types import SimpleNamespace

from src.experiment.live import Live


def test_bars_show_each_run_on_a_terminal(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    record = SimpleNamespace(progress={"step": 30, "steps": 120}, best_val=0.98765)
    with Live(2) as live:
        live.show({1: ("seed_4", record)}, 2, 5)
        live.say("seed 3 is done")
    text = capsys.readouterr().err
    assert "seed_4" in text
    assert "30/120" in text
    assert "val/acc 0.9877" in text
    assert "2/5" in text
    assert "seed 3 is done\n" in text


def test_file_gets_lines_only(capsys) -> None:
    with Live(1) as live:
        live.show({0: ("seed_1", None)}, 0, 1)
        live.say("seed 1 is done")
        live.say("")
    assert capsys.readouterr().err == "seed 1 is done\n"
