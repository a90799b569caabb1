"""The requests bridge: the module that is written into the user's app, and the swap of a call to it."""
