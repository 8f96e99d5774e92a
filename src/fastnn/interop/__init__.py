"""To and from other libraries; each module knows one of them, and is imported when it is asked for."""
