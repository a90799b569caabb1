"""Everything that touches the world: files, terminal, processes."""
