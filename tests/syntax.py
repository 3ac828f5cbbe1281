"""Walks over syntax trees, in half the time of those in `ast`: the rules over tests walk all of them."""

import ast
from collections.abc import Iterator

LEAVES = (ast.Name, ast.Constant, ast.alias)  # nothing is below them


def children(node: ast.AST) -> list[ast.AST]:
    """As ast.iter_child_nodes in half the time, which is much of all that these rules take: without the marks that say
    whether a name is read or written, a third of all nodes."""
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found.extend(one for one in value if isinstance(one, ast.AST))
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
            found.append(value)
    return found


def below(node: ast.AST) -> Iterator[ast.AST]:
    """A syntax tree's nodes, each before those below it (ast.walk goes level by level)."""
    left = [node]
    while left:
        one = left.pop()
        yield one
        if not isinstance(one, LEAVES):
            left.extend(reversed(children(one)))
