#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Set up .venv: `sh tools/set_up.sh run` for what Vigie needs, `dev` for its checks and tests too.
# - Nothing but Python 3.11 or later is asked of the machine; every package comes as a wheel named in the lock.
# - One set-up at a time; one that was interrupted is begun afresh, since pip cannot tell half a package from a whole one.
set -eu
cd "$(dirname "$0")/.."
exec 9<Makefile
if command -v flock >/dev/null; then flock 9; fi

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if new_enough "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "Vigie needs Python 3.11 or later: install it and run make again." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python lacks its venv module: install it (on Debian: apt-get install python3-venv) and run make again." >&2
    exit 1
fi

if [ -e .venv/.unfinished ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -m venv --clear .venv
fi
echo "Setting up .venv: this takes a minute or two the first time." >&2
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input --quiet --quiet "$@"; }
touch .venv/.unfinished
if ! pip install --require-hashes --only-binary :all: --requirement "requirements/$1.lock"; then
    rm .venv/.unfinished  # pip gave up by itself and left every package whole
    exit 1
fi
rm .venv/.unfinished
.venv/bin/python tools/vendor.py
pip install --no-deps --no-build-isolation --editable .
touch .venv/.run
if [ "$1" = dev ]; then touch .venv/.dev; fi
