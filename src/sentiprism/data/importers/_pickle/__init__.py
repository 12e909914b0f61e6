"""Read a pickle in a child process, without executing it.

A pickle is a program for a stack machine. `machine` is such a machine that can call nothing: it knows the
names in `values` and no others, and notes for each what would have been made. Bytes of arrays are never
loaded: the answer says where in the file they lie, and the parent maps them there. What it understands: the
instructions of the library's `pickletools`, protocols 2 to 5, and how numpy 1 and 2 write arrays, dtypes
and scalars.

Nothing here may import more than the standard library: the child sees no installed package.
"""
