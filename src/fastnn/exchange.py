"""The methods of ``Network`` by which it leaves the process and comes from elsewhere: each hands over to a room above.

What is written and read is ``export``'s and ``interop``'s, which are imported when one of them is called.
"""


class Exchange:
    """Ways out of the process and into it."""
