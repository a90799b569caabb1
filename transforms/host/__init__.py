"""The module that stage `server` writes into the user's app. It is a real module here, so that it can be tested as one."""
