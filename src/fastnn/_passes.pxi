"""Many passes in one call: the order of their rows, their updates, the judgement of each; part of ``_engine.pyx``.

Nothing of Python runs between two passes where nobody listens. What is drawn and judged here has the bits of NumPy's
`shuffle` and of ``fastnn.training.passes``, which do it where somebody does.
"""

ctypedef struct bit_source:  # bitgen_t of numpy/random/bitgen.h, as it has been since NumPy 1.17
    void *state
    uint64_t (*next_uint64)(void *state) noexcept nogil
    uint32_t (*next_uint32)(void *state) noexcept nogil
    double (*next_double)(void *state) noexcept nogil
    uint64_t (*next_raw)(void *state) noexcept nogil


cdef double SECONDS_OF_A_STRETCH = 0.03  # after which Python is asked for signals, and whoever goes by the time

cdef enum:
    MOST_AT_ONCE = 64  # passes of one update each


def mean_of_batches(objective, shares):
    """Return the sum of each batch's objective times its share of the rows, one after the other."""
    cdef Arguments arguments = Arguments()
    cdef Py_ssize_t n = len(shares)
    cdef const double *values = <const double *> arguments.take(objective, b"d", n, False)
    return chain(values, <const double *> arguments.take(shares, b"d", n, False), n)


cdef double chain(const double *values, const double *shares, Py_ssize_t n) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t k
    for k in range(n):
        total += values[k] * shares[k]
    return total


cdef class Orders:
    """Puts the rows of one pass after the other in order, as NumPy's `shuffle` does.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator or None
        None: rows stay as they are.
    is_own : bool
        Whether nobody else draws from it meanwhile; else each pass waits for its turn.
    rows : ndarray of intp
        Shuffled in place.
    starts : ndarray of intp, or None
        Where each batch begins in them, and their number; None: a pass is one update of all rows of X as they lie.
    is_new : bool
        Whether each order is drawn from 0 ... n - 1, else from that of the pass before.
    taken : ndarray of intp, optional
        Rows that each pass takes, whatever order is drawn, which then only others see.

    Raises
    ------
    ValueError
        The generator does not have NumPy's C interface.
    """

    cdef bit_source *source
    cdef object lock, bit_generator
    cdef Arguments arguments
    cdef readonly object rows
    cdef ptrdiff_t *order
    cdef const ptrdiff_t *starts
    cdef const ptrdiff_t *taken
    cdef ptrdiff_t n, n_updates
    cdef bint is_own, is_new

    def __init__(self, bit_generator, bint is_own, rows, starts, bint is_new, taken=None):
        self.arguments, self.rows, self.n, self.n_updates = Arguments(), rows, len(rows), 1
        self.order = <ptrdiff_t *> self.arguments.take(rows, INTEGERS, self.n, True)
        if starts is not None:
            self.n_updates = len(starts) - 1
            self.starts = <const ptrdiff_t *> self.arguments.take(starts, INTEGERS, self.n_updates + 1, False)
            if not 0 <= self.starts[self.n_updates] <= self.n:
                raise ValueError(f"batches of {self.starts[self.n_updates]} rows, of {self.n}")
        self.taken = self.order
        if taken is not None:
            self.taken = <const ptrdiff_t *> self.arguments.take(taken, INTEGERS, self.n, False)
        self.is_own, self.is_new = is_own, is_new
        if bit_generator is not None:
            self.bit_generator, self.lock = bit_generator, bit_generator.lock
            self.source = <bit_source *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")

    def draw(self, Py_ssize_t n_passes=1):
        """Draw so many orders, of which the last stands in `rows`."""
        if self.source != NULL:
            with self.lock, nogil:
                self.shuffle(n_passes)

    cdef int lock_own(self) except -1:
        if self.source != NULL and self.is_own:
            self.lock.acquire()
        return 0

    cdef int unlock_own(self) except -1:
        if self.source != NULL and self.is_own:
            self.lock.release()
        return 0

    cdef int next(self, ptrdiff_t n_passes) except -1 nogil:
        """Likewise, where a generator of one's own has been locked."""
        if self.source == NULL:
            return 0
        if self.is_own:
            self.shuffle(n_passes)
            return 0
        with gil:
            with self.lock:
                self.shuffle(n_passes)
        return 0

    cdef void shuffle(self, ptrdiff_t n_passes) noexcept nogil:
        cdef ptrdiff_t *order = self.order
        cdef ptrdiff_t i, j
        while n_passes > 0:
            if self.is_new:
                for i in range(self.n):
                    order[i] = i
            for i in range(self.n - 1, 0, -1):
                j = up_to(self.source, i)
                order[i], order[j] = order[j], order[i]
            n_passes -= 1


cdef inline ptrdiff_t up_to(bit_source *source, uint64_t most) noexcept nogil:
    """A random integer from 0 ... most: of as many bits as that has, until one is not larger."""
    cdef uint64_t mask = most, value
    cdef int shift = 1
    while shift < 64:
        mask |= mask >> shift
        shift *= 2
    while True:
        if most <= UINT32_MAX:
            value = source.next_uint32(source.state) & mask
        else:
            value = source.next_uint64(source.state) & mask
        if value <= most:
            return <ptrdiff_t> value


cdef struct judgement:  # of passes by their losses; see `fastnn.training.passes.Progress`
    const double *shares
    double *losses
    ptrdiff_t n_passes
    double tol
    double most_stale
    double best_loss
    ptrdiff_t n_stale


cdef inline bint ends_run(judgement *judge, const double *objective, ptrdiff_t n_updates) noexcept nogil:
    """Judge a pass of so many updates; return whether there has been no progress for too long."""
    cdef double loss = chain(objective, judge.shares, n_updates)
    judge.losses[judge.n_passes] = loss
    judge.n_passes += 1
    judge.n_stale = judge.n_stale + 1 if loss > judge.best_loss - judge.tol else 0
    if loss < judge.best_loss:
        judge.best_loss = loss
    return judge.n_stale > judge.most_stale


cdef inline ptrdiff_t n_sure(judgement *judge, ptrdiff_t n_left) noexcept nogil:
    """Of the passes that are left, those after the last of which, and no sooner, the judge may end the run."""
    cdef double most = judge.most_stale - judge.n_stale + 1
    return <ptrdiff_t> most if 1 <= most < n_left else n_left if most >= n_left else 1


cdef object take_judge(judgement *own, judge, Py_ssize_t n_passes, Arguments arguments):
    """Have a Judge's numbers for so many passes; return the array that their losses go to."""
    losses, progress = np.empty(n_passes), judge.progress
    own.shares = <const double *> arguments.take(judge.shares, b"d", len(judge.shares), False)
    own.losses = <double *> arguments.take(losses, b"d", n_passes, True)
    own.tol, own.most_stale = judge.limits.tol, judge.limits.n_iter_no_change
    own.best_loss, own.n_stale = progress.best_loss, progress.n_stale
    return losses


cdef int put_judge(const judgement *own, judge, losses) except -1:
    """Bring what came of it into the Judge's progress: no signal comes between, as it would between Python's lines."""
    progress = judge.progress
    progress.loss_curve.extend(losses[:own.n_passes].tolist())
    progress.n_passes += own.n_passes
    progress.n_seen += own.n_passes * judge.n_rows
    progress.best_loss, progress.n_stale = own.best_loss, own.n_stale
    return 0


cdef struct stretch:
    fastnn_updates all  # of all its passes
    judgement judge  # who has losses
    void *kept  # the parameters at the start of the pass; NULL: nobody wants them
    size_t n_kept  # bytes
    bint ends  # OUT: the judge ends the run
    ptrdiff_t n_to_draw  # OUT: orders of passes that are not drawn yet
    ptrdiff_t begun  # OUT: updates made when the last pass began


cdef int make_stretch(
    const fastnn_kernels *kernels, const fastnn_run *run, void *work, Orders orders, stretch *now
) except -1 nogil:
    """Make passes until all are made, the run ends or some time has gone by; return how the last one ended."""
    cdef double until = fastnn_seconds() + SECONDS_OF_A_STRETCH
    cdef ptrdiff_t per_pass = orders.n_updates, n, n_passes
    cdef int stop = RUNS
    cdef fastnn_updates part
    now.all.n_done, now.ends = 0, False
    while now.all.n_done < now.all.n and stop == RUNS and not now.ends and fastnn_seconds() < until:
        n, n_passes = now.all.n_done, 1
        part = now.all
        if orders.starts != NULL:
            orders.next(1)
            now.begun, part.rows, part.starts = n, orders.taken, orders.starts
        else:  # whose order is told by no update
            n_passes = min(<ptrdiff_t> MOST_AT_ONCE, now.all.n - n)
            if now.judge.losses != NULL:
                n_passes = n_sure(&now.judge, n_passes)
        if now.kept != NULL:
            memcpy(now.kept, run.parameters, now.n_kept)
        part.n = n_passes * per_pass
        part.learning_rate += n
        part.l2 += n
        part.objective += n
        part.cost += n
        stop = kernels.advance(run, &part, work)
        now.all.n_done += part.n_done
        if orders.starts == NULL:
            n_passes = part.n_done + (stop == INTERRUPTED)  # that were begun
            now.begun = n + n_passes - 1
            if stop == INTERRUPTED:  # an exception waits, so Python is not to be called
                now.n_to_draw = n_passes
            else:
                orders.next(n_passes)
        if now.judge.losses != NULL:
            while n + per_pass <= now.all.n_done:
                now.ends = ends_run(&now.judge, now.all.objective + n, per_pass)
                n += per_pass
    return stop
