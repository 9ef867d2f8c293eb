"""The command line's own promises: quick help, clean errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from eventflow.cli import main
from eventflow.cli.command import guarded
from eventflow.cli.verbs import VERBS
from eventflow.errors import GraphError, RecordingError

_HEAVY = ("numpy", "numba", "cv2", "h5py", "zmq", "rich", "torch", "dask", "yaml", "pygame", "PIL")


def _modules_after(code):
    check = f"import sys; {code}; print(*(name for name in {_HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


def test_importing_eventflow_imports_nothing_heavy():
    assert _modules_after("import eventflow") == []


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=lambda each: each[0])
def test_help_of_anything_imports_nothing_heavy(arguments):
    code = f"from eventflow.cli import main\ntry: main({arguments!r})\nexcept SystemExit as end: assert end.code == 0"
    assert _modules_after(f"exec({code!r})") == []


def test_help_uses_little_time():
    """0.3 s is promised; processor time is measured, so that a busy machine does not matter."""
    used = []
    for _ in range(3):
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", "from eventflow.cli import main; main(['--help'])"], check=True, stdout=-3
        )
        after = os.times()
        used.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(used) < 0.3


def test_the_overview_names_every_verb(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    assert "--debug" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "meant"), [("rnu", "run"), ("convrt", "convert"), ("demo.yaml", "eventflow run demo.yaml")]
)
def test_an_unknown_verb_is_answered_with_the_one_that_was_meant(typed, meant, capsys):
    assert main([typed]) == 2
    assert f"Did you mean '{meant}'?" in capsys.readouterr().err


def test_a_wrong_option_is_exit_2(capsys):
    for wrong in (["run"], ["run", "demo", "--for", "10 parsec"], ["info", "x", "--width", "-3"]):
        with pytest.raises(SystemExit) as end:
            main(wrong)
        assert end.value.code == 2
    assert "10 parsec" in capsys.readouterr().err


def _raises(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GraphError(["g.yaml:1:2: bad"]), 2),
        (RecordingError("x: gone"), 1),
        (KeyboardInterrupt(), 130),
        (KeyError("x"), 1),
    ],
)
def test_errors_become_exit_codes_and_one_clean_message(error, code, capsys):
    assert guarded(_raises(error)) == code
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "\033" not in shown, "colours went into a pipe"
    assert shown.startswith("eventflow: ")


def test_debug_shows_the_traceback(capsys):
    guarded(_raises(KeyError("x")), debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_output_cut_off_by_head_is_no_error():
    done = subprocess.run(
        f'{sys.executable} -c \'from eventflow.cli import main; main(["nodes", "--json"])\' | head -c 1',
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_check_prints_every_problem_with_its_place(tmp_path, capsys):
    graph = tmp_path / "g.yaml"
    graph.write_text("eventflow: 1\nnodes:\n  a: {use: raed, path: x}\n  b: {use: nul}\nflow:\n  - a -> b\n")
    assert main(["check", str(graph), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"]
    assert [problem.split(": ")[1] for problem in found["problems"]] == ["node 'a'", "node 'b'"]
    assert main(["check", str(graph)]) == 2
    assert "Did you mean 'read'?" in capsys.readouterr().out


def test_run_of_a_wrong_graph_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.yaml").write_text("eventflow: 1\nnodes: {a: {use: raed}}\nflow: [a -> b]\n")
    assert main(["run", "g.yaml", "--summary", "s.json"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["g.yaml"]
    assert main(["run", "denoise-and-trakc"]) == 2
    assert "Did you mean 'denoise-and-track'?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["nodes", "schema", "doctor"])
def test_verbs_that_look_print_json(verb, capsys):
    main([verb, "--json"])
    json.loads(capsys.readouterr().out)


def test_nodes_explains_one(capsys):
    assert main(["nodes", "read"]) == 0
    assert "max_backstep" in capsys.readouterr().out
    assert main(["nodes", "raed"]) == 2
    assert "Did you mean 'read'?" in capsys.readouterr().err


def test_draw_writes_svg_and_mermaid(tmp_path, capsys):
    assert main(["draw", "demo", "-o", str(tmp_path / "g.svg")]) == 0
    assert (tmp_path / "g.svg").read_text().lstrip().startswith(("<svg", "<?xml"))
    assert main(["draw", "demo", "--mermaid"]) == 0
    assert "camera" in capsys.readouterr().out
