/* totals.h: what rows add to the curves of their batch; sums in double, whatever the dtype. */
#ifndef FASTNN_TOTALS_H
#define FASTNN_TOTALS_H

typedef struct {
    double loss;  /* sum of loss * weight / total weight */
    double norms; /* sum of ||y - h|| */
} loss_totals;
#endif
