"""Embed the names of ImageNet's classes by `minilm` for `lite+minilm`: `python scripts/embed_labels.py`.

Writes hybrid_search/embedders/label-meanings.npz. Other meanings are other vectors: raise the version in conse.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from hybrid_search.embedders.conse import MEANINGS_FILE, label_meanings, label_origin
from hybrid_search.embedders.minilm import MiniLM

TARGET = Path(__file__).parent.parent / "hybrid_search" / "embedders" / MEANINGS_FILE


def main() -> None:
    found = label_meanings(MiniLM())
    np.savez_compressed(TARGET, meanings=found.astype(np.float16), origin=np.array(label_origin()))
    print(f"{TARGET}: {len(found)} classes, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
