source ./shapes/rectangle.sh
. "$(dirname "$0")/shapes/words.sh"

echo "area $(area 3 4)"
echo "perimeter $(perimeter 3 4)"
greeting
