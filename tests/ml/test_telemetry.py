"""What computes here tells nobody: ONNX Runtime keeps no record of its use, and so has nothing to send."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

EMBED = """
from pathlib import Path
from ml.knowledge.embedding import load_embedder
print(load_embedder("packaged", Path("models")).embed(["What is GDPR?"]).shape)
"""


def test_a_loaded_model_leaves_no_telemetry_in_the_home_folder(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    env |= {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", EMBED], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout == "(1, 384)\n", done.stderr
    assert not [path for path in (tmp_path / "home").rglob("*") if "Microsoft" in str(path)]
