#!/bin/sh
# The limit: the input read, the bytes of the output copied, nothing done. cat.sh DATADIR OUT EXPECTED
cat "$1"/*.csv > /dev/null && cat "$3" > "$2"
