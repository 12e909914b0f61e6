"""Read a pickle in a child process, without executing it.

A pickle is a program for a stack machine. `machine` is such a machine that cannot call anything: it only knows the
names in `values`, and records for each what would have been created. Bytes of arrays are never loaded: the result has
their positions in the file, which the parent then maps. It supports the instructions of the library's `pickletools`,
protocols 2 to 5, and how numpy 1 and 2 write arrays, dtypes and scalars.

Modules here only import the standard library: the child has no installed packages.
"""
