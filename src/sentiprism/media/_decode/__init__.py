"""Decode untrusted recordings in a child process.

The child gets a task and the file as an open descriptor, limits itself, and sends messages on its stdout
(`sentiprism.media._decode.messages`). It cannot open other files or sockets, and ends with its parent.
"""
