echo attempt
for way in "" /proc/self/root /proc/1/root /proc/self/cwd/../../../.. /..; do
  for place in @CANARY_DIR@ @CANARY_DIR_TWO@ @CANARY_DIR_THREE@; do
    cat "$way$place/secret"
    echo x >> "$way$place/open"
    echo x > "$way$place/written"
    ln -s /etc/shadow "$way$place/link"
    rm -f "$way$place/open"
  done
done 2>/dev/null
exit 0
