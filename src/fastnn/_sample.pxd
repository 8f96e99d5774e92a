"""One sample's forward and backward pass, compiled: ``reference/loops.py`` function by function, with types.

Read the two side by side: the same names in the same order, the same sums in the same order. What differs is
memory: flat arrays in place of dicts of lists, with the offsets of each layer in a ``fastnn_layer``. A sample's row of
unit values ``h`` starts with the inputs; ``z`` and ``delta`` are laid out alike; ``X`` and ``y`` are its rows of them.
Nothing here takes the GIL or allocates.
The losses and their deltas stand in ``_losses.pxd``. Used by ``_loops.pyx``, which has the loops over samples and
updates.

Each row of the tables has its case. What is none of them comes out as NaN: nothing can be raised here.

Two things are done for speed, neither of which changes a sum. A chained sum cannot be vectorised without changing
its bits, so batches of several rows use `weighted_sums_transposed`, whose inner loop is over outputs. And
`accumulate` adds four samples to a gradient entry, one after the other, while it is in a register.
"""

from cython cimport floating

from fastnn._elementary cimport (
    EXP,
    IDENTITY,
    INCREASING,
    LOGISTIC,
    MEAN_VARIANCE,
    RELU,
    SOFTMAX,
    STEP,
    TANH,
    bent,
    exp,
    logistic,
    relu,
    slope,
    step,
    tanh,
)
from fastnn._losses cimport fastnn_layer, largest, output_delta, softplus

cdef enum:
    COLUMNS = 64  # of a matrix that `combine_rows` takes at a time
    CHUNK = 4  # samples whose h and delta are kept for `accumulate`, which spells out four


# -- one sample, one layer --------------------------------------------------------------------------------------


cdef inline void weighted_sums(
    const fastnn_layer *layer,
    const floating *parameters,  # IN
    const floating *h,           # IN at the layer's inputs
    floating *z,                 # OUT at its outputs
) noexcept nogil:
    cdef Py_ssize_t i, j, n_in = layer.n_in, w = layer.weights, out = layer.outputs
    cdef floating x, total, total1, total2, total3
    for i in range(0, layer.n_out - 3, 4):  # four chains at a time: one waits for each of its additions
        total = total1 = total2 = total3 = 0
        for j in range(n_in):
            x = h[layer.inputs + j]
            total += parameters[w + j] * x
            total1 += parameters[w + n_in + j] * x
            total2 += parameters[w + 2 * n_in + j] * x
            total3 += parameters[w + 3 * n_in + j] * x
        z[out + i], z[out + i + 1], z[out + i + 2], z[out + i + 3] = total, total1, total2, total3
        w += 4 * n_in
    for i in range(layer.n_out - layer.n_out % 4, layer.n_out):
        total = 0
        for j in range(n_in):
            total += parameters[w + j] * h[layer.inputs + j]
        z[out + i] = total
        w += n_in
    for i in range(layer.n_out):
        z[out + i] += parameters[layer.biases + i]


cdef inline void combine_rows(
    const floating *matrix,  # IN: (n_rows, n_columns)
    Py_ssize_t n_rows,
    Py_ssize_t n_columns,
    const floating *x,       # IN: (n_rows,) the coefficients
    floating *out,           # OUT: (n_columns,)
) noexcept nogil:
    """out[k] = sum over rows i of x[i] matrix[i, k], added in the order of the rows."""
    cdef Py_ssize_t i, k, column, width, m
    cdef floating x0, x1, x2, x3
    cdef floating total[COLUMNS]  # on the stack, where the compiler sees that nothing overlaps
    for column in range(0, n_columns, 64):  # by COLUMNS: Cython wants a literal step
        width = min(COLUMNS, n_columns - column)
        m = column
        for k in range(width):
            total[k] = 0
        for i in range(0, n_rows - 3, 4):
            x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            for k in range(width):
                total[k] = (
                    ((total[k] + x0 * matrix[m + k]) + x1 * matrix[m + n_columns + k])
                    + x2 * matrix[m + 2 * n_columns + k]
                ) + x3 * matrix[m + 3 * n_columns + k]
            m += 4 * n_columns
        for i in range(n_rows - n_rows % 4, n_rows):
            x0 = x[i]
            for k in range(width):
                total[k] += x0 * matrix[m + k]
            m += n_columns
        for k in range(width):
            out[column + k] = total[k]


cdef inline void weighted_sums_transposed(
    const fastnn_layer *layer,
    const floating *transposed,  # IN: W^T (n_in, n_out) where the parameters have W
    const floating *parameters,  # IN: the biases
    const floating *h,           # IN at the layer's inputs
    floating *z,                 # OUT at its outputs
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    combine_rows(transposed + layer.weights, layer.n_in, layer.n_out, h + layer.inputs, z + out)
    for i in range(layer.n_out):
        z[out + i] += parameters[layer.biases + i]


cdef inline void transpose_weights(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    const floating *parameters,  # IN
    floating *transposed,        # OUT
) noexcept nogil:
    cdef Py_ssize_t l, i, j, n_in, n_out, w
    for l in range(n_layers):
        n_in, n_out, w = layers[l].n_in, layers[l].n_out, layers[l].weights
        for i in range(n_out):
            for j in range(n_in):
                transposed[w + j * n_out + i] = parameters[w + i * n_in + j]


cdef inline void softmax(
    const floating *z,  # IN: n entries from `start`
    floating *h,        # OUT likewise
    Py_ssize_t start,
    Py_ssize_t n,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating top = largest(z, start, n), total = 0
    for i in range(n):
        h[start + i] = exp(z[start + i] - top)
        total += h[start + i]
    for i in range(n):
        h[start + i] /= total


cdef inline void joint(
    const fastnn_layer *layer,
    const floating *z,  # IN at the layer's outputs
    floating *h,        # OUT likewise
) noexcept nogil:
    """The means and variances, or the increasing outputs, of a row."""
    cdef Py_ssize_t i, out = layer.outputs, group = <Py_ssize_t> layer.parameter
    if group == 0:
        group = layer.n_out
    for i in range(layer.n_out):
        if layer.activation == INCREASING and i % group:
            h[out + i] = h[out + i - 1] + <floating> softplus(z[out + i])
        elif layer.activation == MEAN_VARIANCE and i >= layer.n_out // 2:
            h[out + i] = <floating> (softplus(z[out + i]) + 1e-6)  # at least, as everywhere
        else:
            h[out + i] = z[out + i]


cdef inline void activate(
    const fastnn_layer *layer,
    const floating *z,  # IN at the layer's outputs
    floating *h,        # OUT likewise
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    if layer.activation == SOFTMAX:
        softmax(z, h, out, layer.n_out)
    elif layer.activation == MEAN_VARIANCE or layer.activation == INCREASING:
        joint(layer, z, h)
    elif layer.activation == LOGISTIC:
        for i in range(layer.n_out):
            h[out + i] = logistic(z[out + i])
    elif layer.activation == RELU:
        for i in range(layer.n_out):
            h[out + i] = relu(z[out + i])
    elif layer.activation == TANH:
        for i in range(layer.n_out):
            h[out + i] = tanh(z[out + i])
    elif layer.activation == EXP:
        for i in range(layer.n_out):
            h[out + i] = exp(z[out + i])
    elif layer.activation == STEP:
        for i in range(layer.n_out):
            h[out + i] = step(z[out + i])
    elif layer.activation == IDENTITY:
        for i in range(layer.n_out):
            h[out + i] = z[out + i]
    else:
        for i in range(layer.n_out):
            h[out + i] = <floating> bent(layer.activation, layer.parameter, z[out + i])


cdef inline void hidden_delta(
    const fastnn_layer *layer,   # the layer after the hidden units: its W leads from them to delta
    const fastnn_layer *before,  # the hidden units' own
    const floating *parameters,  # IN
    const floating *z,           # IN
    const floating *h,           # IN
    floating *delta,             # IN at the layer's outputs, OUT at its inputs
) noexcept nogil:
    cdef Py_ssize_t j
    combine_rows(parameters + layer.weights, layer.n_out, layer.n_in, delta + layer.outputs, delta + layer.inputs)
    for j in range(layer.inputs, layer.inputs + layer.n_in):
        delta[j] *= slope(before.activation, before.parameter, z[j], h[j])


# -- one sample, all layers -------------------------------------------------------------------------------------


cdef inline void forward_sample(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    const floating *parameters,  # IN
    const floating *transposed,  # IN: used where is_transposed
    bint is_transposed,
    const floating *X,           # IN
    floating *z,                 # OUT: all layers but the inputs
    floating *h,                 # OUT
) noexcept nogil:
    cdef Py_ssize_t l, j
    for j in range(layers[0].n_in):
        h[j] = X[j]
    for l in range(n_layers):
        if is_transposed:
            weighted_sums_transposed(&layers[l], transposed, parameters, h, z)
        else:
            weighted_sums(&layers[l], parameters, h, z)
        activate(&layers[l], z, h)


cdef inline void backward_sample(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    Py_ssize_t loss,
    double parameter,            # of the loss
    const floating *parameters,  # IN
    const floating *y,           # IN
    const floating *z,           # IN
    const floating *h,           # IN
    floating weight,
    floating *delta,             # OUT: all layers but the inputs
) noexcept nogil:
    cdef Py_ssize_t l, last = n_layers - 1
    output_delta(loss, parameter, &layers[last], y, z, h, weight, delta)
    for l in range(last, 0, -1):
        hidden_delta(&layers[l], &layers[l - 1], parameters, z, h, delta)


cdef inline void accumulate(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    const floating *delta,  # IN: a row of `stride` numbers a sample
    const floating *h,      # IN likewise
    Py_ssize_t stride,
    Py_ssize_t n_samples,   # rows of delta and h that are filled
    floating *gradient,     # IN and OUT
) noexcept nogil:
    cdef Py_ssize_t l, i, j, c, n_in, x, w, d
    cdef floating d0, d1, d2, d3
    for l in range(n_layers):
        n_in, x, w = layers[l].n_in, layers[l].inputs, layers[l].weights
        for i in range(layers[l].n_out):
            d = layers[l].outputs + i
            if n_samples == CHUNK:
                d0, d1, d2, d3 = delta[d], delta[stride + d], delta[2 * stride + d], delta[3 * stride + d]
                for j in range(n_in):
                    gradient[w + j] = (
                        ((gradient[w + j] + d0 * h[x + j]) + d1 * h[stride + x + j]) + d2 * h[2 * stride + x + j]
                    ) + d3 * h[3 * stride + x + j]
            else:
                for c in range(n_samples):
                    d0 = delta[c * stride + d]
                    for j in range(n_in):
                        gradient[w + j] += d0 * h[c * stride + x + j]
            for c in range(n_samples):
                gradient[layers[l].biases + i] += delta[c * stride + d]
            w += n_in
