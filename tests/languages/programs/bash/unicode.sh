echo "Grüße ∑ 日本語 🚀"
read -r line
echo "$line"
