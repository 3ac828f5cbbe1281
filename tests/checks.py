"""What a test must be to mean something, read from its syntax tree; tests/unit/test_the_tests.py enforces it.

Nothing is imported or run: a file is parsed, and each fault is a `Fault` with the file, the line and a sentence.
"""

import ast
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from tests.syntax import LEAVES, below, children

ROOT = Path(__file__).parents[1]
LONGEST_SLEEP_S = 0.3
# Calls that check something by themselves, by the last part of their name.
CHECKING_CALLS = frozenset({"raises", "warns", "fail"})
# Calls that have as many items as their argument; zip with strict=True and several others are looked at one by one.
SAME_LENGTH_CALLS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "enumerate", "dict"})
SAME_LENGTH_METHODS = frozenset({"items", "keys", "values", "copy"})
# Names with an underscore that belong to a public interface of the standard library.
PUBLIC_UNDERSCORES = frozenset({"_exit", "_replace", "_asdict", "_fields", "_make"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One broken rule: where it is (`path` relative to the repository, `line` from 1), whose it is, and what to do."""

    path: str
    line: int
    name: str
    rule: str
    advice: str

    @property
    def key(self) -> str:
        """How a list of known offenders names it: without the line, which every edit moves."""
        return f"{self.path}::{self.name} {self.rule}"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name}: {self.advice}"


@dataclass(kw_only=True)
class Module:
    """One parsed file of tests/, with the functions and constants that its own code can name."""

    path: Path
    tree: ast.Module
    root: Path = ROOT
    checking: dict[str, bool | None] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, root: Path = ROOT) -> "Module":
        return cls(path=path, tree=ast.parse(path.read_text(), str(path)), root=root)

    @cached_property
    def owned(self) -> list[tuple[str, ast.AST, bool]]:
        """Every node with the name of the function it is in, and whether a loop of that function is around it.

        A function itself belongs to nobody.
        """
        found: list[tuple[str, ast.AST, bool]] = []
        left: list[tuple[str, ast.AST, bool]] = [("(module)", self.tree, False)]
        while left:
            owner, node, looped = left.pop()
            if isinstance(node, FUNCTIONS):
                owner, looped = node.name, False
            elif node is not self.tree:
                found.append((owner, node, looped))
                looped = looped or isinstance(node, LOOPS)
            left.extend((owner, child, looped) for child in reversed(children(node)))
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Local name -> (module, name there), of every `from module import name` in the file."""
        return {
            alias.asname or alias.name: (node.module, alias.name)
            for _, node, _ in self.owned
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }

    @cached_property
    def functions(self) -> dict[str, list[Function]]:
        """Every function and method of the file by its plain name."""
        named: dict[str, list[Function]] = {}
        for node in below(self.tree):
            if isinstance(node, FUNCTIONS):
                named.setdefault(node.name, []).append(node)
        return named

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """What is assigned to each plain name at the top of the file."""
        return assignments(self.tree.body)

    @property
    def is_test(self) -> bool:
        return self.path.name.startswith("test_")

    def tests(self) -> Iterator[Function]:
        """Test functions, in classes too, as pytest collects them."""
        for node in self.tree.body:
            inner = node.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test") else [node]
            yield from (one for one in inner if isinstance(one, FUNCTIONS) and one.name.startswith("test"))

    def other(self, module: str) -> "Module | None":
        """A module of tests/ by its dotted name; None for any other."""
        path = self.root.joinpath(*module.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if module.split(".")[0] == "tests" and file.is_file():
                return _helper(file, self.root)
        return None

    def is_checking(self, name: str) -> bool | None:
        """Whether a call of this name checks: surely, maybe (its asserts are in loops), or None: not at all.

        The function is one of this file or of the helper module it is imported from, and may call others that assert.
        """
        if name not in self.checking:
            self.checking[name] = None  # what only calls itself checks nothing
            if name in self.functions:
                checks = [check for one in self.functions[name] for check in self.checks(one)]
                self.checking[name] = any(checks) if checks else None
            elif name in self.imports:
                module, there = self.imports[name]
                other = self.other(module)
                self.checking[name] = other.is_checking(there) if other else None
        return self.checking[name]

    def checks(self, function: Function) -> Iterator[bool]:
        """Each check in the body: True if it surely runs, False if a loop over nothing would pass it by."""
        local = self.constants | assignments(function.body)
        for statement in function.body:
            yield from self.checks_below(statement, local, sure=True)

    def checks_below(self, node: ast.AST, local: dict[str, ast.expr], *, sure: bool) -> Iterator[bool]:
        if isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            return  # its checks count where it is called
        if isinstance(node, ast.Assert):
            yield sure and not self.can_be_vacuous(node.test, local)
            return
        if isinstance(node, ast.Raise) and "AssertionError" in ast.dump(node):
            yield sure
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            checking = name in CHECKING_CALLS or name.startswith("assert_") or self.is_checking(name)
            if checking is not None:
                yield sure and checking
        if isinstance(node, LOOPS):
            head = node.test if isinstance(node, ast.While) else node.iter
            yield from self.checks_below(head, local, sure=sure)
            if isinstance(node, ast.While):
                runs = isinstance(node.test, ast.Constant) and bool(node.test.value)
            else:
                runs = self.has_items(node.iter, local)
            for child in (*node.body, *node.orelse):
                yield from self.checks_below(child, local, sure=sure and runs)
            return
        if isinstance(node, COMPREHENSIONS):
            sure = sure and self.comprehension_has_items(node, local)
        for child in children(node):
            if not isinstance(child, LEAVES):
                yield from self.checks_below(child, local, sure=sure)

    def can_be_vacuous(self, test: ast.expr, local: dict[str, ast.expr]) -> bool:
        """The assertion holds of an empty iterable, whatever the code does: all(...), not any(...), [...] == []."""
        if isinstance(test, ast.BoolOp):
            return all(self.can_be_vacuous(one, local) for one in test.values)
        if isinstance(test, ast.Call) and last_name(test.func) == "all" and test.args:
            return not self.has_items(test.args[0], local)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            operand = test.operand
            if isinstance(operand, ast.Call) and last_name(operand.func) == "any" and operand.args:
                return not self.has_items(operand.args[0], local)
            return isinstance(operand, COMPREHENSIONS) and not self.comprehension_has_items(operand, local)
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            left, right = test.left, test.comparators[0]
            if is_empty(left):
                left, right = right, left
            if is_empty(right) and isinstance(left, COMPREHENSIONS):
                return not self.comprehension_has_items(left, local)
        return False

    def comprehension_has_items(self, node: ast.AST, local: dict[str, ast.expr]) -> bool:
        """Its conditions see at least one item; that they let none through may be what the test wants to know."""
        return isinstance(node, COMPREHENSIONS) and all(self.has_items(one.iter, local) for one in node.generators)

    def has_items(self, node: ast.expr, local: dict[str, ast.expr], depth: int = 5) -> bool:
        """The iterable has at least one item, as far as the text shows: a literal, or something as long as one."""
        if depth == 0:
            return False
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return any(
                not isinstance(one, ast.Starred) or self.has_items(one.value, local, depth - 1) for one in node.elts
            )
        if isinstance(node, ast.Dict):
            return bool(node.keys)
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str | bytes) and bool(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr):
            return any(self.has_items(one, local, depth - 1) for one in (node.left, node.right))
        if isinstance(node, ast.Name):
            if node.id in local:
                return self.has_items(local[node.id], local, depth - 1)
            return self.imported_has_items(node.id, depth)
        if isinstance(node, COMPREHENSIONS):
            return self.comprehension_has_items(node, local) and not any(one.ifs for one in node.generators)
        return isinstance(node, ast.Call) and self.call_has_items(node, local, depth)

    def imported_has_items(self, name: str, depth: int) -> bool:
        module, there = self.imports.get(name, ("", ""))
        other = self.other(module) if module else None
        if other is None or there not in other.constants:
            return False
        return other.has_items(other.constants[there], other.constants, depth - 1)

    def call_has_items(self, node: ast.Call, local: dict[str, ast.expr], depth: int) -> bool:
        name = last_name(node.func)
        if isinstance(node.func, ast.Attribute) and name in SAME_LENGTH_METHODS:
            return self.has_items(node.func.value, local, depth - 1)
        if name == "range":
            bounds = [at_least(one, local) for one in node.args]
            if len(bounds) == 1:
                return bounds[0] > 0
            return isinstance(node.args[0], ast.Constant) and bounds[1] > bounds[0] and len(bounds) < 4
        if name == "zip":
            strict = any(one.arg == "strict" and getattr(one.value, "value", False) is True for one in node.keywords)
            return (any if strict else all)(self.has_items(one, local, depth - 1) for one in node.args)
        if name == "product":
            return all(self.has_items(one, local, depth - 1) for one in node.args)
        return name in SAME_LENGTH_CALLS and bool(node.args) and self.has_items(node.args[0], local, depth - 1)


def assignments(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """Plain name -> what is assigned to it, of names that are assigned exactly once below these statements."""
    values: dict[str, list[ast.expr]] = {}
    for statement in body:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            continue
        for node in below(statement):
            if isinstance(node, ast.Assign):
                for target, value in unpacked(node):
                    if isinstance(target, ast.Name):
                        values.setdefault(target.id, []).append(value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                values.setdefault(node.target.id, []).append(node.value)
    return {name: given[0] for name, given in values.items() if len(given) == 1}


def unpacked(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """(target, value) of an assignment; of `a, b = 1, 2` each pair."""
    for target in node.targets:
        value = node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from zip(target.elts, value.elts, strict=True)
        else:
            yield target, value


def at_least(node: ast.expr, local: dict[str, ast.expr]) -> float:
    """The least that a number can be, as far as the text shows; minus infinity where it shows nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.Name) and node.id in local and not isinstance(local[node.id], ast.Name):
        return at_least(local[node.id], {})
    if isinstance(node, ast.Call) and last_name(node.func) == "len":
        return 0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        left, right = at_least(node.left, local), at_least(node.right, local)
        if isinstance(node.op, ast.Add):
            return left + right
        return left * right if min(left, right) >= 0 else -math.inf
    return -math.inf


def last_name(node: ast.expr) -> str:
    """`c` of `a.b.c`; nothing for what has no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def is_empty(node: ast.expr) -> bool:
    """A literal with nothing in it: [], {}, () or set()."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    return isinstance(node, ast.Call) and last_name(node.func) in {"set", "dict", "list", "frozenset"} and not node.args


def faults(module: Module) -> Iterator[Fault]:
    """Every broken rule of one file."""
    path = module.path.relative_to(module.root).as_posix()
    for test in module.tests():
        checks = list(module.checks(test))
        if not checks:
            yield Fault(
                path=path,
                line=test.lineno,
                name=test.name,
                rule="checks-nothing",
                advice="checks nothing: no assert, no pytest.raises, no call of a helper of tests/ that asserts",
            )
        elif not any(checks):
            yield Fault(
                path=path,
                line=test.lineno,
                name=test.name,
                rule="only-in-loops",
                advice="asserts only inside loops or all(...), which pass on nothing: assert that there are items",
            )
    yield from sleeps(module, path)
    yield from imports_of_tests(module, path)
    yield from private_names(module, path)


@cache
def _helper(file: Path, root: Path) -> Module:
    """A module of helpers, read once for all that import it."""
    return Module.read(file, root)


def sleeps(module: Module, path: str) -> Iterator[Fault]:
    """Fixed sleeps that are longer than LONGEST_SLEEP_S; the pause of a loop that polls is none."""
    for owner, node, looped in module.owned:
        if not (isinstance(node, ast.Call) and last_name(node.func) == "sleep" and node.args and not looped):
            continue
        seconds = node.args[0]
        number = seconds.value if isinstance(seconds, ast.Constant) else None
        if isinstance(number, int | float) and number > LONGEST_SLEEP_S:
            yield Fault(
                path=path,
                line=node.lineno,
                name=owner,
                rule="fixed-sleep",
                advice=f"sleeps {number} s: poll for what it waits for, or wait for an event",
            )


def imports_of_tests(module: Module, path: str) -> Iterator[Fault]:
    """Imports from test modules: what two files share belongs in a helper module of tests/."""
    for owner, node, _ in module.owned:
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "tests" and parts[-1].startswith("test_"):
                yield Fault(
                    path=path,
                    line=node.lineno,
                    name=owner,
                    rule="imports-a-test",
                    advice=f"imports from {name}: what is shared belongs in a module of tests/ that is no test",
                )


def private_names(module: Module, path: str) -> Iterator[Fault]:
    """Names with a leading underscore that are somebody else's: imported, read as an attribute or patched by text."""
    for owner, node, _ in module.owned:
        private: list[str] = []
        if isinstance(node, ast.ImportFrom):
            private = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in OWN):
            private = [node.attr]
        elif isinstance(node, ast.Call) and last_name(node.func) in {"setattr", "delattr", "getattr"}:
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            private = [text.rpartition(".")[2] for text in texts]
        for name in private:
            if name.startswith("_") and not name.startswith("__") and name not in PUBLIC_UNDERSCORES:
                yield Fault(
                    path=path,
                    line=node.lineno,
                    name=owner,
                    rule="private-name",
                    advice=f"uses the private name {name}: test what callers can see",
                )


OWN = frozenset({"self", "cls"})
