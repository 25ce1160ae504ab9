$stdout.sync = true
puts "attempt"
["", "/proc/self/root", "/proc/1/root", "/proc/self/cwd/../../../..", "/.."].each do |way|
  %w[@CANARY_DIR@ @CANARY_DIR_TWO@ @CANARY_DIR_THREE@].each do |place|
    [
      -> { puts File.read("#{way}#{place}/secret") },
      -> { File.write("#{way}#{place}/open", "x") },
      -> { File.write("#{way}#{place}/written", "x") },
      -> { File.symlink("/etc/shadow", "#{way}#{place}/link") },
      -> { File.unlink("#{way}#{place}/open") },
    ].each { |deed| begin; deed.call; rescue SystemCallError => error; puts error.class; end }
  end
end
