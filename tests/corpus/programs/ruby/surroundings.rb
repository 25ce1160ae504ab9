p $0, __FILE__, ARGV, Dir.pwd, ENV.to_h.sort, $PROGRAM_NAME, __dir__
p File.umask.to_s(8), Dir.children(".").sort, Dir.children("/proc/self/fd").size, Dir.children("/proc/self/task").size
p $LOADED_FEATURES.map { |f| File.basename(f) }.sort
p $LOAD_PATH, $stdout.sync, $stderr.sync, $stdin.external_encoding, Encoding.default_external, Encoding.default_internal
p Thread.list.size, ObjectSpace.respond_to?(:trace_object_allocations), GC.stress, $VERBOSE, $DEBUG
p Process.getrlimit(:NOFILE), Process.getrlimit(:STACK), Process.getrlimit(:CORE), Process.getpriority(Process::PRIO_PROCESS, 0)
p Signal.trap("TERM", "DEFAULT"), Signal.trap("INT", "DEFAULT"), Signal.trap("USR1", "DEFAULT")
p self.to_s, self.class, local_variables, binding.local_variables, instance_variables
p RUBY_ENGINE, RUBY_VERSION, defined?(Gem), defined?(DidYouMean), defined?(ErrorHighlight), defined?(RubyVM::YJIT)
p File.binread("/proc/self/cmdline"), File.read("/proc/self/comm")
