"""One job from start to finish: cell, watch, facts, verdict, outcome."""
