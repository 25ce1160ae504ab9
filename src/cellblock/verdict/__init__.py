"""Facts to verdict: one pure function, no input or output, replayable from stored evidence."""
