/* spread.h: threads that wake up on the CPU of the one that woke them, where they would wait for it to wait for them.
   Linux may leave them there for a dozen milliseconds, though other CPUs idle. */
#ifndef FASTNN_SPREAD_H
#define FASTNN_SPREAD_H

#if defined(__linux__)
#include <sched.h>

#include "core/atomic.h" /* atomic_read, atomic_write, atomic_add */
#include "fastnn.h"      /* fastnn_seconds */

static volatile long cpu_of_owner; /* of the team */
static volatile long n_came;

static void spread_begins(void) {
    atomic_write(&cpu_of_owner, sched_getcpu());
    atomic_write(&n_came, 0);
}

/* For a moment, all of this thread's CPUs but the owner's. */
static void leave_cpu_of_owner(void) {
    cpu_set_t allowed, others;
    long owner = atomic_read(&cpu_of_owner);
    if (sched_getcpu() != owner || sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    others = allowed;
    CPU_CLR((int)owner, &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0) {
        sched_setaffinity(0, sizeof allowed, &allowed);
    }
}

/* The owner lets the others run where it runs, until they have left, or for as long as it is worth. */
static void spread(int thread, int n_threads) {
    if (thread > 0) {
        leave_cpu_of_owner();
        atomic_add(&n_came, 1);
        return;
    }
    double end = fastnn_seconds() + 200e-6;
    while (atomic_read(&n_came) < n_threads - 1 && fastnn_seconds() < end) {
        sched_yield();
    }
}
#else
static void spread_begins(void) {}
static void spread(int thread, int n_threads) { (void)thread, (void)n_threads; }
#endif
#endif
