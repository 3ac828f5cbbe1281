"""Every test means something: rules for all files of tests/, held by reading them (tests/checks.py), never by running.

1. A test checks something: an assert, pytest.raises/warns/fail, or a call of a function of tests/ that does.
2. At least one of its checks runs whatever the code under test gives: an assert in a loop, in `all(...)` or against an
   empty list passes on nothing. Loops over literals, ranges and constants of tests/ that are not empty are fine, and so
   is every parametrized test; otherwise an assert beside the loop says that there is something to look at.
3. No fixed sleep longer than 0.3 s; the pause of a loop that polls is none.
4. No import from a test module: what two of them share is in a helper module of tests/.
5. No private name of anybody else.
"""

import ast
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from tests import checks
from tests.checks import ROOT, Fault, Module
from tests.long import LONG

FILES = sorted((ROOT / "tests").rglob("*.py"))


def rules_broken(text: str) -> Counter[str]:
    """Rules that a test file with this text breaks, each with how often."""
    module = Module(path=ROOT / "tests" / "unit" / "test_sample.py", tree=ast.parse(dedent(text)))
    return Counter(fault.rule for fault in checks.faults(module))


@pytest.fixture(scope="module")
def found() -> list[Fault]:
    return [fault for file in FILES for fault in checks.faults(Module.read(file))]


def test_every_test_means_something(found: list[Fault]) -> None:
    assert len(FILES) > 100
    assert not found, "\n" + "\n".join(map(str, found))


def test_every_long_test_exists() -> None:
    for file, tests in LONG.items():
        text = (ROOT / "tests" / "integration" / file).read_text()
        assert [test for test in tests if f"def {test.partition('[')[0]}(" not in text] == []
        values = [value for test in tests for value in test.partition("[")[2].rstrip("]").split("-")]
        assert [value for value in values if value not in text] == []
    assert len(LONG) > 5


@pytest.mark.parametrize(
    "body",
    [
        "run()",
        "helper()",
        "with contextlib.suppress(ValueError): run()",
    ],
)
def test_no_check(body: str) -> None:
    assert rules_broken(f"def helper():\n    run()\ndef test_it():\n    {body}\n") == {"checks-nothing": 1}


@pytest.mark.parametrize(
    "body",
    [
        "assert run()",
        "with pytest.raises(ValueError): run()",
        "helper()",
        "await helper()",
        "self.helper()",
        "for one in (1, 2): assert run(one)",
        "for one in NAMES: assert run(one)",
        "for one, other in zip((1, 2), run(), strict=True): assert one == other",
        "for one in range(3): assert run(one)",
        "for at in range(len(run()) + 1): assert run(at)",
        "for one in run(): assert one\n    assert run()",
        "assert all(run(one) for one in 'ab')",
        "assert all(run()) and run() == 3",
        "assert [one for one in NAMES if run(one)] == []",
        "assert {one for one in run()} == {1}",
        "while True:\n        assert run()\n        break",
    ],
)
def test_sure_checks(body: str) -> None:
    text = f"NAMES = ('a', 'b')\ndef helper():\n    assert run()\nasync def test_it():\n    {body}\n"
    assert rules_broken(text) == {}


@pytest.mark.parametrize(
    "body",
    [
        "for one in run(): assert one",
        "for one in NAMES: assert one",
        "for one in run(): helper(one)",
        "for one in run():\n        with pytest.raises(ValueError): one()",
        "for one, other in zip((1, 2), run()): assert one == other",
        "async for one in run(): assert one",
        "while run(): assert one",
        "for one in range(len(run())): assert one",
        "assert all(run(one) for one in run())",
        "assert all(run())",
        "assert not any(one.bad for one in run())",
        "assert not [one for one in run() if one.bad]",
        "assert [one for one in run() if one.bad] == []",
        "assert set() == {one for one in run() if one.bad}",
        "loop()",
    ],
)
def test_checks_that_pass_on_nothing(body: str) -> None:
    text = (
        "NAMES = run()\ndef helper(one):\n    assert one\ndef loop():\n    for one in run(): assert one\n"
        f"async def test_it():\n    {body}\n"
    )
    assert rules_broken(text) == {"only-in-loops": 1}


def test_sleeps() -> None:
    assert rules_broken("async def wait():\n    await asyncio.sleep(0.5)\n    time.sleep(1)\n") == {"fixed-sleep": 2}
    assert rules_broken("async def wait():\n    await asyncio.sleep(0.3)\n    await asyncio.sleep(delay)\n") == {}
    assert rules_broken("async def wait():\n    while not ready():\n        await asyncio.sleep(0.5)\n") == {}


@pytest.mark.parametrize(
    "line",
    [
        "from tests.unit.test_plan import source",
        "from tests.unit import test_plan",
        "import tests.unit.test_plan",
    ],
)
def test_imports_from_tests(line: str) -> None:
    assert rules_broken(line) == {"imports-a-test": 1}
    assert rules_broken("from tests.sources import source") == {}


@pytest.mark.parametrize(
    "line",
    [
        "from core.http.public_fetch import _guard",
        "alike._known.clear()",
        "monkeypatch.setattr(public_fetch, '_guard', None)",
        "monkeypatch.setattr('core.http.public_fetch._guard', None)",
    ],
)
def test_private_names(line: str) -> None:
    assert rules_broken(line) == {"private-name": 1}


def test_names_that_are_not_private() -> None:
    assert rules_broken("os._exit(1)\nrow._replace(a=1)\nclass A:\n    def f(self): return self._own\n") == {}


def test_a_fault_says_where_and_what(tmp_path: Path) -> None:
    file = tmp_path / "tests" / "test_a.py"
    file.parent.mkdir()
    file.write_text("\n\ndef test_it():\n    run()\n")
    (fault,) = checks.faults(Module.read(file, tmp_path))
    assert str(fault).startswith("tests/test_a.py:3: test_it: checks nothing")
    assert fault.key == "tests/test_a.py::test_it checks-nothing"
