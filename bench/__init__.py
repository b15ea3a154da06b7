# SPDX-License-Identifier: Apache-2.0
"""Measurements beside the peers, robustness and soak: how the documents' figures are made.

- Nothing here is part of the engine; it runs from a clone with the development environment.
- What it builds or generates lies under `.bench/` and may be deleted at any time.
- Every medium is generated from a seed: noise fields, gradients, shapes, letters. The reference vectors are read in
  place where a clone has them beside it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / ".bench"
DOCS = ROOT / "docs" / "reference"
VECTORS = ROOT.parent / "shared" / "data"
