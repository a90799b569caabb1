"""Bulk: one migration over many repositories, each step recorded, none of them able to stop the others.

`sources` says which repositories, `tasks` does the steps of one (in a worker, which writes nothing that is shared),
`drive` hands them out and alone writes the `ledger`, `report` shows it.
"""
