/* threads.c: threads for those kernels that share out their work, and the manners of their use.
   OpenMP's team, because threadpoolctl and OMP_NUM_THREADS then rule it as they rule the ecosystem's other teams.
   Without OpenMP, and in a forked child, whose team did not come along, there is the calling thread alone.
   One run at a time has the team, and only while nobody else works: two models that train side by side are faster on
   one thread each. */
#define _GNU_SOURCE /* sched_getcpu */
#if !defined(_WIN32)
#include <pthread.h>
#endif
#include <time.h>

#ifdef _OPENMP
#include <omp.h>

#include "core/spread.h" /* spread, spread_begins */
#endif

#include "core/atomic.h" /* atomic_read, atomic_write, atomic_swap, atomic_add */
#include "fastnn.h"      /* fastnn_task, FASTNN_TIME_TO_JUDGE */

/* ThreadSanitizer does not see OpenMP's own synchronisation, whose library is not instrumented. */
#if defined(__SANITIZE_THREAD__)
void __tsan_acquire(void *);
void __tsan_release(void *);
#define ACQUIRE(object) __tsan_acquire(object)
#define RELEASE(object) __tsan_release(object)
#else
#define ACQUIRE(object) ((void)(object))
#define RELEASE(object) ((void)(object))
#endif

static volatile long n_working;     /* threads that compute for long */
static volatile long has_team;      /* one of them has the team */
static volatile long last_worker;   /* who finished last: the number of a thread */
static volatile long last_finished; /* and when, in milliseconds */
static volatile long first_began;   /* when the work began that has gone on since, with short pauses */
static volatile long refused;       /* when the team was found not to pay */
static volatile long refused_for;   /* and for how many milliseconds nobody asks again */
static volatile long is_forked;

static volatile long n_numbered;
static _Thread_local long own_number;

static long number_of_this_thread(void) {
    if (own_number == 0) {
        own_number = atomic_add(&n_numbered, 1);
    }
    return own_number;
}

#ifdef FASTNN_CLOCK /* the tests' own */
double FASTNN_CLOCK(void);
double fastnn_seconds(void) { return FASTNN_CLOCK(); }
#else
double fastnn_seconds(void) {
    struct timespec now;
#if defined(_WIN32)
    timespec_get(&now, TIME_UTC);
#else
    clock_gettime(CLOCK_MONOTONIC, &now);
#endif
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif

/* In 30 bits, which come round after twelve days. */
static long milliseconds(void) { return (long)((int64_t)(1000 * fastnn_seconds()) & 0x3fffffff); }

static long milliseconds_since(volatile long *when) { return (milliseconds() - atomic_read(when)) & 0x3fffffff; }

int fastnn_has_openmp(void) {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

int fastnn_is_forked(void) { return (int)atomic_read(&is_forked); }

int fastnn_default_threads(void) {
#ifdef _OPENMP
    if (!fastnn_is_forked() && !omp_in_parallel()) {
        int allowed = omp_get_max_threads(), there = omp_get_num_procs();
        return allowed < there ? allowed : there;
    }
#endif
    return 1;
}

void fastnn_work_begins(void) {
    enum { PAUSE = 2 }; /* milliseconds, for which OpenMP's threads look out for more work before they sleep */
    if (atomic_add(&n_working, 1) == 1 && milliseconds_since(&last_finished) > PAUSE) {
        atomic_write(&first_began, milliseconds());
    }
}

void fastnn_work_ends(void) {
    atomic_write(&last_worker, number_of_this_thread());
    atomic_write(&last_finished, milliseconds());
    atomic_add(&n_working, -1);
}

int fastnn_team_is_wanted(void) { return atomic_read(&n_working) > 1; }

int fastnn_team_is_free(void) {
    enum { MILLISECONDS = 20 }; /* another run comes back after each of its passes */
    if (fastnn_is_forked() || fastnn_team_is_wanted() || milliseconds_since(&refused) < atomic_read(&refused_for)) {
        return 0;
    }
    long other = atomic_read(&last_worker);
    return other == 0 || other == number_of_this_thread() || milliseconds_since(&last_finished) > MILLISECONDS;
}

int fastnn_team_take(void) { return fastnn_team_is_free() && atomic_swap(&has_team, 1) == 0; }

int fastnn_team_pays(double waited, double elapsed, int n_threads) {
    enum { FIRST = 20, LONGEST = 640 };
    /* Of short uses; the owner's alone, who takes and gives back atomically. */
    static double waited_before, elapsed_before;
    long before = atomic_read(&refused_for);
    if (elapsed < 0) { /* a clock that was set back */
        return 1;
    }
    waited += waited_before;
    elapsed += elapsed_before;
    int is_short = elapsed < FASTNN_TIME_TO_JUDGE;
    waited_before = is_short ? waited : 0;
    elapsed_before = is_short ? elapsed : 0;
    if (is_short) {
        return 1;
    }
    if (elapsed - waited >= 1.2 / n_threads * elapsed) {
        atomic_write(&refused_for, 0);
        return 1;
    }
    atomic_write(&refused, milliseconds());
    atomic_write(&refused_for, before == 0 ? FIRST : before < LONGEST ? 2 * before : LONGEST);
    return 0;
}

void fastnn_team_give_back(void) { atomic_write(&has_team, 0); }

/* To wake a thread takes a tenth of a millisecond; several whole ones where the system puts it on the caller's CPU. */
int fastnn_team_is_awake(void) { return milliseconds_since(&first_began) >= 5; }

void fastnn_parallel(int n_threads, fastnn_task *task, void *job) {
#ifdef _OPENMP
    if (n_threads > 1) {
        static char begins, ends;
        spread_begins();
        RELEASE(&begins);
#pragma omp parallel num_threads(n_threads)
        {
            ACQUIRE(&begins);
            spread(omp_get_thread_num(), omp_get_num_threads());
            task(job, omp_get_thread_num(), omp_get_num_threads());
            RELEASE(&ends);
        }
        ACQUIRE(&ends);
        return;
    }
#endif
    (void)n_threads;
    task(job, 0, 1);
}

void fastnn_meet(void) {
#ifdef _OPENMP
    static char met;
    RELEASE(&met);
#pragma omp barrier
    ACQUIRE(&met);
#endif
}

#if !defined(_WIN32)
static void after_fork(void) {
    n_working = has_team = last_worker = 0;
    is_forked = 1;
}
#endif

void fastnn_threads_begin(void) {
#if !defined(_WIN32)
    pthread_atfork(NULL, NULL, after_fork);
#endif
}
