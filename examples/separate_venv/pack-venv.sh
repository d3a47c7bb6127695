#!/bin/sh
# Makes venvs/venv.tar.gz: a Python environment with what requirements.txt lists.
set -eu

cd "$(dirname "$0")"
python=${PYTHON:-python3}
rm -rf venvs
mkdir venvs
"$python" -m venv venvs/venv
venvs/venv/bin/pip install --quiet --requirement requirements.txt
tar -czf venvs/venv.tar.gz.part -C venvs/venv .
mv venvs/venv.tar.gz.part venvs/venv.tar.gz
rm -rf venvs/venv
