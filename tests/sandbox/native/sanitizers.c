/* sanitizers.c: how the sanitizers behave in the helper, whose environment is empty. A finding ends the process
 * at once, so the run is lost and its test fails; the report goes to the standard error that there is. Leaks are
 * looked for with ptrace, which the helper's processes forbid, and they live no longer than one run anyway. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "abort_on_error=1:detect_leaks=0:handle_segv=0:handle_abort=0"; }
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }
