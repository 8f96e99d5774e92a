# The C interface of csrc/fastnn.h, and of Python, as _engine.pyx sees it; buffers stand in _buffers.pxi.

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "fastnn.h" nogil:
    ctypedef struct fastnn_layer:
        ptrdiff_t n_columns

    ctypedef struct fastnn_counters:
        pass

    ctypedef struct fastnn_head  # below

    ctypedef struct fastnn_objective:
        int loss
        int as_sklearn
        double parameter
        int has_soft_targets
        const double *quantiles
        const fastnn_head *heads

    ctypedef struct fastnn_head:
        fastnn_objective objective
        double weight

    ctypedef struct fastnn_training:
        fastnn_objective objective
        int solver
        int nesterov
        double momentum
        double beta_1
        double beta_2
        double epsilon
        double weight_decay
        double tol
        int64_t updates_per_pass
        double l1
        double max_grad_norm
        double max_norm
        const int32_t *dropped
        uint64_t seed
        const double *rates
        const double *decays
        double gate_rate
        int64_t fade_from
        int64_t fade_until

    ctypedef struct fastnn_data:
        ptrdiff_t n_samples
        const void *X
        const int32_t *csr_columns
        const ptrdiff_t *csr_starts
        int csr_in_order
        const void *y
        const void *sample_weight

    ctypedef int (*fastnn_ask)() noexcept nogil

    ctypedef struct fastnn_run:
        ptrdiff_t n_layers
        const fastnn_layer *layers
        const fastnn_training *training
        fastnn_data data
        ptrdiff_t largest_batch
        void *parameters
        void *state
        fastnn_counters *counters
        int n_threads
        fastnn_ask ask

    ctypedef struct fastnn_updates:
        const ptrdiff_t *rows
        const ptrdiff_t *starts
        ptrdiff_t n
        const double *learning_rate
        const double *l2
        double *objective
        double *cost
        ptrdiff_t n_done

    ctypedef struct fastnn_kernels:
        const char *target
        int vector_bytes
        size_t (*run_work_size)(const fastnn_run *) noexcept nogil
        void (*begin)(const fastnn_run *, void *) noexcept nogil
        int (*advance)(const fastnn_run *, fastnn_updates *, void *) noexcept nogil
        void (*put_state)(const fastnn_run *, void *) noexcept nogil
        void (*end)(const fastnn_run *, void *) noexcept nogil
        size_t (*gradient_work_size)(const fastnn_layer *, ptrdiff_t, const fastnn_data *, int) noexcept nogil
        int (*loss_and_gradient)(
            const fastnn_layer *, ptrdiff_t, const fastnn_objective *, double, const fastnn_data *, const void *,
            void *, void *, double *, double *, int, fastnn_ask, void *
        ) noexcept nogil
        size_t (*forward_work_size)(const fastnn_layer *, ptrdiff_t, const fastnn_data *, int) noexcept nogil
        int (*forward)(
            const fastnn_layer *, ptrdiff_t, const fastnn_data *, const void *, void *, int, int, fastnn_ask, void *
        ) noexcept nogil
        void (*log)(const void *, void *, ptrdiff_t) noexcept nogil
        void (*activation)(int, double, const void *, void *, void *, ptrdiff_t) noexcept nogil
        double (*multiply_adds)(ptrdiff_t) noexcept nogil

    ctypedef struct fastnn_scratch:
        pass

    enum:
        RUNS "FASTNN_RAN"
        INTERRUPTED "FASTNN_INTERRUPTED"
        NOT_FINITE "FASTNN_NOT_FINITE"
        OVERFLOWED "FASTNN_OVERFLOWED"
        FASTNN_ALIGNMENT

    void *fastnn_allocate(size_t n)
    void fastnn_free(void *block)
    void *fastnn_scratch_take(fastnn_scratch *scratch, size_t n)
    void fastnn_scratch_give_back(fastnn_scratch *scratch, void *block)
    void fastnn_scratch_free(fastnn_scratch *scratch)
    double fastnn_seconds()
    bint fastnn_raw_rows(
        const void *X, bint is_float64, ptrdiff_t n_rows, ptrdiff_t n_columns, const ptrdiff_t *places,
        const double *numbers, ptrdiff_t n_raw, float *raw
    )
    bint fastnn_answer(
        ptrdiff_t n_members, ptrdiff_t n_rows, ptrdiff_t n_out, const float *outputs, const double *units,
        ptrdiff_t *codes, double *out
    )
    void fastnn_threads_begin()
    int fastnn_has_openmp()
    int fastnn_is_forked()
    int fastnn_default_threads()
    const fastnn_kernels *fastnn_active(int is_float64)
    ptrdiff_t fastnn_n_targets()
    const char *fastnn_target_name(ptrdiff_t target)
    void fastnn_use(ptrdiff_t target)

cdef extern from "Python.h":
    void PyErr_Clear()
    int PyErr_CheckSignals() nogil
    void PyErr_SetNone(object)
    void *PyCapsule_GetPointer(object capsule, const char *name) except NULL
