"""carewright.py: makes its environment once, notices when it must be made again, and says kindly what is in the way.

The installer itself is stood in for here; .ci/run makes real environments in fresh clones.
"""

import ast
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """
import importlib.util, pathlib, sys, time
spec = importlib.util.spec_from_file_location("carewright", sys.argv[1])
bootstrap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bootstrap)

def install(env, requirements, fresh):
    (env / "bin").mkdir(parents=True)
    (env / "pyvenv.cfg").touch()
    (env / "bin" / "python").symlink_to(sys.executable)
    with open(sys.argv[2], "a") as log:
        log.write("installed\\n")
    time.sleep(float(sys.argv[3]))

bootstrap.install = install
print(bootstrap.environment(None, False))
"""


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("carewright_under_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the bootstrap reads of a clone, and a home of its own."""
    folder = tmp_path / "clone"
    (folder / "plugins" / "some_payer").mkdir(parents=True)
    shutil.copy(ROOT / "carewright.py", folder)
    (folder / "requirements.lock").write_text("one==1\n")
    (folder / "requirements-dev.lock").write_text("one==1\ntwo==2\n")
    (folder / "plugins" / "some_payer" / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("CAREWRIGHT_ENV", raising=False)
    return folder


@pytest.fixture
def bootstrap(clone: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The bootstrap of `clone`, whose installer only notes what it was asked for in `installed`."""
    module = load(clone / "carewright.py")
    module.installed = []

    def install(env: Path, requirements: Path, fresh: bool) -> None:
        module.installed.append((requirements.name, fresh))
        if fresh:
            (env / "bin").mkdir(parents=True)
            (env / "pyvenv.cfg").touch()
            (env / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(module, "install", install)
    return module


def test_it_needs_nothing_but_python() -> None:
    source = (ROOT / "carewright.py").read_text()
    tree = ast.parse(source, feature_version=(3, 8))  # an old Python must get as far as being told
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert "subprocess" in imported
    assert imported <= set(sys.stdlib_module_names)


def test_the_second_run_finds_it_made(bootstrap: ModuleType) -> None:
    env = bootstrap.environment(None, False)
    assert bootstrap.environment(None, False) == env == bootstrap.ROOT / ".carewright" / "env"
    assert bootstrap.installed == [("requirements.lock", True)]


def test_the_test_tools_are_added_to_it_and_serve_every_command(bootstrap: ModuleType) -> None:
    bootstrap.environment(None, False)
    bootstrap.environment(None, True)
    bootstrap.environment(None, True)
    bootstrap.environment(None, False)
    assert bootstrap.installed == [("requirements.lock", True), ("requirements-dev.lock", False)]


@pytest.mark.parametrize("changed", ["requirements.lock", "plugins/some_payer/pyproject.toml"])
def test_what_it_is_made_from_changed_so_it_is_made_again(
    bootstrap: ModuleType, clone: Path, changed: str
) -> None:
    env = bootstrap.environment(None, False)
    (env / "old").touch()
    (clone / changed).write_text("changed\n")
    bootstrap.environment(None, False)
    assert [fresh for _, fresh in bootstrap.installed] == [True, True]
    assert not (env / "old").exists()


def test_a_plugin_folder_that_is_new_is_installed(bootstrap: ModuleType, clone: Path) -> None:
    bootstrap.environment(None, False)
    (clone / "plugins" / "another").mkdir()
    (clone / "plugins" / "another" / "pyproject.toml").write_text("[project]\n")
    bootstrap.environment(None, False)
    assert len(bootstrap.installed) == 2


def test_half_made_or_without_its_python_it_is_made_again(bootstrap: ModuleType) -> None:
    env = bootstrap.environment(None, False)
    (env / "carewright.json").unlink()  # the stamp is written last: killed before it
    bootstrap.environment(None, False)
    (env / "bin" / "python").unlink()  # the system's Python was replaced
    bootstrap.environment(None, False)
    (env / "carewright.json").write_text("{half")
    bootstrap.environment(None, False)
    assert len(bootstrap.installed) == 4


def test_a_folder_that_is_something_else_is_left_alone(bootstrap: ModuleType, tmp_path: Path) -> None:
    precious = tmp_path / "thesis" / "chapter1"
    precious.parent.mkdir()
    precious.write_text("words")
    with pytest.raises(bootstrap.Sorry, match="left alone"):
        bootstrap.environment(precious.parent, False)
    assert precious.read_text() == "words"


def test_where_the_clone_may_not_be_written_the_users_cache_serves(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    (bootstrap.ROOT / ".carewright").write_text(
        "a file where the folder would be, as unwritable as can be, even to root"
    )
    env = bootstrap.environment(None, False)
    assert env.is_relative_to(tmp_path / "home" / ".cache" / "carewright")
    assert bootstrap.environment(None, False) == env
    assert len(bootstrap.installed) == 1


def test_nowhere_to_write_is_said_with_the_way_out(bootstrap: ModuleType, tmp_path: Path) -> None:
    (bootstrap.ROOT / ".carewright").write_text("")
    (tmp_path / "home").write_text("")
    with pytest.raises(bootstrap.Sorry, match="--env DIR"):
        bootstrap.environment(None, False)


def until_it_installs(log: Path) -> None:
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)


def test_two_at_once_make_one(clone: Path, tmp_path: Path) -> None:
    script, log = tmp_path / "stand_in.py", tmp_path / "log"
    script.write_text(STAND_IN)
    command = [sys.executable, str(script), str(clone / "carewright.py"), str(log), "3"]

    def run() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    runs = [run()]
    until_it_installs(log)
    runs.append(run())
    answers = [run.communicate(timeout=60) for run in runs]
    assert [out.strip() for out, _ in answers] == [str(clone / ".carewright" / "env")] * 2
    assert log.read_text() == "installed\n"
    assert "waiting for it" in answers[0][1] + answers[1][1]


def test_killed_while_installing_it_begins_again(clone: Path, tmp_path: Path) -> None:
    script, log = tmp_path / "stand_in.py", tmp_path / "log"
    script.write_text(STAND_IN)
    command = [sys.executable, str(script), str(clone / "carewright.py"), str(log)]
    with subprocess.Popen([*command, "60"], stderr=subprocess.DEVNULL) as first:
        until_it_installs(log)
        first.kill()
    done = subprocess.run([*command, "0"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == str(clone / ".carewright" / "env")
    assert log.read_text() == "installed\n" * 2


def test_a_finished_environment_costs_no_time(clone: Path, tmp_path: Path) -> None:
    script, log = tmp_path / "stand_in.py", tmp_path / "log"
    script.write_text(STAND_IN)
    command = [sys.executable, "-I", str(script), str(clone / "carewright.py"), str(log), "0"]
    shutil.copy(ROOT / "requirements.lock", clone)
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert log.read_text() == "installed\n"
    assert taken < 0.3, "seconds of processor, which a busy machine does not change"


def test_the_command_runs_in_it(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *given: called.append(given))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    bootstrap.main(["--env", str(bootstrap.ROOT / "elsewhere"), "import", "fhir", "a.json"])
    ((python, command, environment),) = called
    assert python == str(bootstrap.ROOT / "elsewhere" / "bin" / "python")
    assert command[1:] == ["-P", "-m", "server.cli", "import", "fhir", "a.json"]
    assert environment["PYTHONPATH"] == str(bootstrap.ROOT)
    assert "PYTHONHOME" not in environment


def test_no_folder_one_stands_in_hides_a_library() -> None:
    found = subprocess.run(
        [sys.executable, "-P", "-c", "import graphql; print(graphql.__file__)"],
        cwd=ROOT / "server",  # where server/graphql would be found first without -P
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "site-packages" in found


def test_env_without_a_folder_is_a_sentence(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.Sorry, match="--env needs a folder"):
        bootstrap.main(["--env"])


def test_an_old_python_is_told_what_to_do(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    with pytest.raises(bootstrap.Sorry, match="needs Python 3"):
        bootstrap.main(["up"])


def test_a_python_that_cannot_make_environments_is_named(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load(clone / "carewright.py")
    monkeypatch.setattr(module, "has_venv", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(module.Sorry, match="apt-get install python3-venv"):
        module.environment(None, False)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("WARNING: Retrying ... Temporary failure in name resolution", "index was not reached"),
        ("error: Failed to fetch\n  Caused by: dns error: failed to lookup", "index was not reached"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE",
            "not the one the lock names",
        ),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("something nobody foresaw", "something nobody foresaw"),
    ],
)
def test_what_the_installer_says_becomes_a_sentence(bootstrap: ModuleType, said: str, told: str) -> None:
    assert told in bootstrap.reason(said)


def test_a_failed_install_leaves_no_stamp(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(clone / "carewright.py")
    monkeypatch.setattr(module, "_with_uv", lambda *_: False)
    monkeypatch.setattr(module, "run", lambda env, command: "Network is unreachable")
    with pytest.raises(module.Sorry, match="Check the network"):
        module.environment(None, False)
    assert not (clone / ".carewright" / "env" / "carewright.json").exists()
