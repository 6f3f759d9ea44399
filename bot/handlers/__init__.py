"""Plug-ins that come with Frontdesk, one file each; the catalogue lists them and registers them like any other.

    command   Run     a program on the worker's machine
    jira      Issue   an issue that follows the request
    manual    Task    something that a person does, and says so
    message   Post    a message in a channel
    webhook   Call    an HTTP request

A handler sees `bot.handler` and `bot.errors` only, and no other handler.
"""
