/* poll.h: asking Python, between pieces of work, whether to stop. */
#ifndef FASTNN_POLL_H
#define FASTNN_POLL_H

#include "fastnn.h" /* fastnn_ask, fastnn_seconds */

/* Multiply-adds between two looks at the clock, a millisecond or so; seconds between two questions, for which the
   binding may have to wait for its turn. */
#ifndef WORK_BETWEEN_LOOKS
#define WORK_BETWEEN_LOOKS 20e6
#define SECONDS_BETWEEN_POLLS 0.03
#endif

typedef struct {
    fastnn_ask ask; /* NULL: nobody is asked */
    double work;    /* multiply-adds since the last look */
    double asked;   /* when */
    int looked;     /* at the clock, since whoever wants to know cleared this */
    int stops;      /* the answer, once it is to stop */
} poll_state;

/* Whether to stop; `work`: since the last call. */
static int poll(poll_state *p, double work) {
    p->work += work;
    if (p->work < WORK_BETWEEN_LOOKS || p->stops) {
        return p->stops;
    }
    p->work = 0;
    p->looked = 1;
    double now = fastnn_seconds();
    if (p->ask && now - p->asked >= SECONDS_BETWEEN_POLLS) {
        p->stops = p->ask() != 0;
        p->asked = now;
    }
    return p->stops;
}
#endif
