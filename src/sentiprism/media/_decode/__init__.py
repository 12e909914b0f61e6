"""The process in which files are opened that somebody else made: the one place where PyAV runs.

It gets the file as an open descriptor and a task, limits itself, and answers on its stdout in messages
(`sentiprism.media._decode.messages`). It cannot open another file or a socket, and ends when its parent does.
"""
