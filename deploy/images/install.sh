#!/bin/sh
# Puts a service into a folder of its own; the images' build stages run this, in the repository's root.
#   install.sh packages FOLDER EXTRA...   the pinned packages that the extras of pyproject.toml name
#   install.sh also FOLDER ARGUMENT...    further packages: the arguments are pip's
#   install.sh search FOLDER KIND         what the decoder's searches need besides: beam (nothing), k2 or cuda
#   install.sh code FOLDER                Amira itself, and the list of all that is in there: FOLDER/sbom.json
set -eu

step=$1
folder=$2
shift 2
tools=$folder-tools # pip and what builds the wheel do not belong into an image
pip="$tools/bin/python -m pip --quiet --disable-pip-version-check --python $folder/bin/python"

case $step in
packages)
    python -m venv "$tools"
    python -m venv --without-pip "$folder"
    python deploy/images/dependencies.py pyproject.toml "$@" > "$tools/wanted.txt"
    $pip install --constraint requirements/constraints.txt --requirement "$tools/wanted.txt"
    ;;
also)
    $pip install "$@"
    ;;
search)
    case $1 in
    beam) ;;
    k2)
        python deploy/images/dependencies.py pyproject.toml k2 > "$tools/wanted.txt"
        $pip install --constraint requirements/constraints.txt --requirement "$tools/wanted.txt"
        $pip install --no-deps --requirement requirements/k2.txt
        ;;
    cuda) $pip install --requirement requirements/k2-cuda.txt ;;
    *)
        echo "install.sh: search is beam, k2 or cuda, not '$1'" >&2
        exit 2
        ;;
    esac
    ;;
code)
    "$tools/bin/python" -m pip --quiet install --constraint requirements/constraints.txt hatchling
    "$tools/bin/python" -m pip --quiet wheel --no-deps --no-build-isolation --wheel-dir "$tools/wheels" \
        . ./clients/python
    $pip install --no-deps "$tools"/wheels/amira_*.whl
    "$tools/bin/python" -m pip --quiet install --requirement requirements/audit.txt
    "$tools/bin/cyclonedx-py" environment "$folder/bin/python" --output-reproducible --of JSON \
        -o "$folder/sbom.json"
    ;;
*)
    echo "install.sh: packages, also, search or code, not '$step'" >&2
    exit 2
    ;;
esac
