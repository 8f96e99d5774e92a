"""A network as one file of C99, which is C++ too: ``file`` puts it together of what the other modules write."""
