"""Compiles ahead what sandboxed programs import: `python -m kadr.bytecode`, run by make after an installation.

uv does not compile what it installs, and a sandboxed program may not write: without this it would compile the large
libraries and our own modules again at every start, for about 0.3 s of CPU.
"""

import compileall
import importlib.util

from core.sandbox.policy import room_folders

# What the modules named *_child import and no other program does.
LIBRARIES = ("av", "cv2", "ctranslate2", "faster_whisper", "huggingface_hub", "numpy", "onnxruntime", "tokenizers")


def main() -> None:
    folders = [str(folder) for folder in room_folders()]
    for name in LIBRARIES:
        found = importlib.util.find_spec(name)
        folders += found.submodule_search_locations or () if found else ()
    for folder in folders:
        compileall.compile_dir(folder, quiet=2, workers=0)


if __name__ == "__main__":
    main()
