"""Line and branch coverage of the tests, in every process: `python -m tests.measure_coverage [PYTEST ARG...]`.

While this runs coverage.py starts by itself in each Python of this virtual environment (a .pth file, removed at the
end): pytest and its workers, every program of the embedded stack, and the media programs inside the sandbox, which get
one more writable folder for it. A process that is killed leaves no data. Prints a table of the top-level packages; the
lines and branches of each file are in build/coverage.json.
"""

import json
import shutil
import site
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "build" / "coverage.json"
PACKAGES = (
    *("core", "presets", "transcode", "thumbnails", "subtitles", "packager", "ingest", "origin", "workers"),
    *("cost", "hls_checker", "seo_checker", "kadr", "benchmarks", "studio", "clients"),
)
# Runs at the start of every Python of the virtual environment. Standard library and coverage only.
HOOK = '''
import atexit, importlib.abc, importlib.machinery, sys
import coverage

FOLDER = {folder!r}
measured = coverage.Coverage(
    data_file=FOLDER + "/data", data_suffix=True, branch=True, source={sources!r}, config_file=False
)
measured._warn_no_data = measured._warn_unimported_source = measured._warn_preimported_source = False
measured.start()

def save():
    measured.stop()
    measured.save()

atexit.register(save)

class OpensTheSandbox(importlib.abc.MetaPathFinder):
    """Lets sandboxed programs write their coverage: one more folder among the words that their launcher gets."""

    def find_spec(self, name, path=None, target=None):
        if name != "core.sandbox.child":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            plain = module.policy

            class Policy:
                def __getattr__(self, name):
                    return getattr(plain, name)

                def launcher_argv(self, *args, **kwargs):
                    words = plain.launcher_argv(*args, **kwargs)
                    if "landlock" in kwargs["layers"]:
                        words.insert(words.index("--"), "tree=rw:" + FOLDER)
                    return words

            module.policy = Policy()

        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, OpensTheSandbox())
'''


def main(arguments: list[str]) -> int:
    """Run pytest with these arguments under coverage; its exit code."""
    packages = Path(site.getsitepackages()[0])
    hook, pth = packages / "kadr_measured.py", packages / "zz_kadr_measured.pth"
    folder = Path(tempfile.mkdtemp(prefix="kadr-coverage-"))
    folder.chmod(0o777)  # media programs may run as another user
    hook.write_text(HOOK.format(folder=str(folder), sources=[str(ROOT / name) for name in PACKAGES]))
    pth.write_text("import kadr_measured\n")
    try:
        ended = subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode
    finally:
        hook.unlink()
        pth.unlink()
    print(table(folder))
    REPORT.parent.mkdir(exist_ok=True)
    shutil.copyfile(folder / "report.json", REPORT)
    shutil.rmtree(folder)
    return ended


def table(folder: Path, root: Path = ROOT) -> str:
    """Lines and branches of each top-level package, in percent, out of all data files in `folder`."""
    sources = [str(root / name) for name in PACKAGES if (root / name).is_dir()]
    combined = coverage.Coverage(data_file=str(folder / "data"), branch=True, source=sources, config_file=False)
    combined.combine([str(folder)], keep=True)
    combined.json_report(outfile=str(folder / "report.json"))
    report = json.loads((folder / "report.json").read_text())
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for file, measured in report["files"].items():
        name = Path(file).absolute().relative_to(root).parts[0]
        found = measured["summary"]
        row = [found[key] for key in ("num_statements", "covered_lines", "num_branches", "covered_branches")]
        for key in (name, "all"):
            counts[key] = [a + b for a, b in zip(counts[key], row, strict=True)]
    lines = [f"{'package':12} {'statements':>10} {'lines %':>8} {'branches':>9} {'branches %':>10}"]
    for name in (*PACKAGES, "all"):
        statements, run, branches, taken = counts[name]
        if statements:
            line_share, branch_share = 100 * run / statements, 100 * taken / max(1, branches)
            lines.append(f"{name:12} {statements:10} {line_share:8.2f} {branches:9} {branch_share:10.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
