#!/bin/sh
# Builds the wheel, installs it alone into a clean environment, and imports every module from it:
#   sh tests/wheel.sh .venv/bin/python
# What the package depends on is borrowed from the environment that set-up made (nothing is downloaded twice); a
# subpackage or a file missing from the wheel shows here, since an editable install would hide it.
set -eu
python=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m build --wheel --outdir "$work/dist" . >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$work"/dist/*.whl
borrowed=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cd "$work"
FIRMGROUND_BORROWED=$borrowed "$work/venv/bin/python" - <<'EOF'
import importlib, os, pkgutil, sys
from importlib.resources import files

# The wheel comes first; of the borrowed folder everything but its editable firmground is used.
sys.path.append(os.environ["FIRMGROUND_BORROWED"])
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in type(finder).__module__ + repr(finder)]
import firmground.eval, firmground.knowledge, firmground.rag, firmground.ui

for package in (firmground.knowledge, firmground.rag, firmground.eval, firmground.ui):
    assert "site-packages" in package.__file__, package.__file__
names = sorted(
    module.name
    for package in (firmground.knowledge, firmground.rag, firmground.eval, firmground.ui)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
)
skipped = {"firmground.ui.app"}  # a Streamlit script: running it is importing it
for name in names:
    if name not in skipped:
        importlib.import_module(name)
for folder, file in (
    ("firmground.knowledge.packs", "commonsense-en.jsonl"),
    ("firmground.eval.tasks", "commonsense-zh.jsonl"),
    ("firmground.eval.report", "report.html"),
    ("firmground.eval.report", "parts.html"),
    ("firmground.eval.report", "runs.html"),
    ("firmground.eval.report", "frame.html"),
    ("firmground.eval.report", "audit.html"),
    ("firmground.eval.report", "style.html"),
    ("firmground.rag.debias", "offence.npz"),
    ("firmground.rag.debias", "stance.json"),
    ("firmground.rag", "verifier.json"),
    ("firmground.ui", "app.py"),
):
    assert (files(folder) / file).is_file(), f"{folder}/{file} is not in the wheel"
print(f"wheel: {len(names)} modules imported from {firmground.knowledge.__path__[0]}")
EOF
"$work/venv/bin/firmground" --help >/dev/null 2>&1 || true
echo "wheel: ok"
