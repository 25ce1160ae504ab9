echo "printed, as bash reads line by line"

if then
