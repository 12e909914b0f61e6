"""Decode untrusted recordings in a child process.

It gets the file as an open descriptor and a task, limits itself, and answers on its stdout in messages
(`sentiprism.media._decode.messages`). It cannot open another file or a socket, and ends when its parent does.
"""
