#!/bin/sh
# Install loggers that rotate by themselves into FOLDER, for tests of what follows their files.
# usage: fetch-loggers.sh PYTHON FOLDER
# These versions were tried; npm's lock file would name the registry of this machine.
set -eu
python=$1
folder=${2%/}
# Everything happens beside FOLDER, so that an interruption leaves no half of it.
new=$folder.new
rm -rf "$new"
mkdir -p "$new/python"
"$python" -m pip install --quiet --target "$new/python" loguru==0.7.3
npm install --silent --no-audit --no-fund --no-package-lock --prefix "$new" pino@10.4.0 pino-roll@4.0.0
rm -rf "$folder"
mv "$new" "$folder"
