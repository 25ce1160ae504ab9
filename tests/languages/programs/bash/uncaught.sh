set -eu
echo before
echo "boom: $(false || echo about to fail)" >&2
false
echo "never printed"
