"""Pure analysis and rewriting: source in, source and reasons out. No file, process, clock, print or environment."""
