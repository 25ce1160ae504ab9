chunks = []
loop { chunks << "x" * 1_000_000 }
