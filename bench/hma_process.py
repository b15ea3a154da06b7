# SPDX-License-Identifier: Apache-2.0
"""What stands for HMA: its look-up and its hashing, as Flask and gunicorn serve them, without its database step.

- HMA itself is published as a container only. Here is what its `/m/raw_lookup` and `/h/hash` do for a picture:
  python-threatexchange's PDQ index and hasher, behind Flask; nothing that HMA does beyond that.
- Run by gunicorn in the peers' environment; BENCH_VALUES names the .npy file of the values that are listed.
"""

import io
import os
import tempfile
from pathlib import Path

import numpy as np
from flask import Flask, Response, jsonify, request
from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_file
from threatexchange.signal_type.pdq.pdq_index import PDQIndex

app = Flask(__name__)
_values = np.load(os.environ["BENCH_VALUES"])
_index = PDQIndex((row.tobytes().hex(), number) for number, row in enumerate(_values))


@app.get("/status")
def status() -> str:
    """Say that it is there."""
    return "I-AM-ALIVE"


@app.get("/m/raw_lookup")
def raw_lookup() -> Response:
    """Look one value up."""
    found = _index.query(request.args["signal"])
    told = [{"content_id": one.metadata, "distance": one.similarity_info.distance} for one in found]
    return jsonify({"matches": told})


@app.post("/h/hash")
def hash_picture() -> Response:
    """Hash one picture: HMA writes the upload to a file, too."""
    content = io.BytesIO(request.files["photo"].read())
    with tempfile.NamedTemporaryFile("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        value, _quality = pdq_from_file(Path(file.name))
    return jsonify({"pdq": value})
