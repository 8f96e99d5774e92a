"""The training room: one loop over any backend, for all faces.

``run`` has the loop; ``batches`` the sources that it takes rows from; ``schedules`` the rate and the penalty of each
update; ``listeners`` those that it reports to; ``passes`` what scikit-learn's networks judge a pass by; ``manners`` how
a face has it end. A backend neither draws nor reports; the faces do not loop.
"""
