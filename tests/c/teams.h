/* teams.h: core/threads.c: a team is as large as asked for, and its threads meet; one run at a time has it, and nobody
   while others work, or for some time after it was found not to pay. By a clock of the test's own. */
#ifndef TEAMS_TESTS_H
#define TEAMS_TESTS_H

#include "check.h"

enum { SEEN = 8 };

typedef struct {
    int came[SEEN], together[SEEN], n_threads;
} roll;

static void call_roll(void *job, int thread, int n_threads) {
    roll *r = job;
    r->came[thread] = 1;
    if (n_threads > 1) {
        fastnn_meet();
    }
    for (int i = 0; i < n_threads; i++) {
        r->together[thread] += r->came[i];
    }
    if (thread == 0) {
        r->n_threads = n_threads;
    }
}

static void expect(int is, int should_be, const char *what) {
    n_checks++;
    if (is != should_be) {
        fail(what);
    }
}

static double time_of_test = 1000; /* seconds */
double test_clock(void);
double test_clock(void) { return time_of_test; }

static void wait_milliseconds(double n) { time_of_test += n / 1000; }

static void test_teams(void) {
    TESTING("teams");
    for (int n = 1; n < SEEN; n++) {
        roll r = {{0}, {0}, 0};
        fastnn_parallel(n, call_roll, &r);
        expect(r.n_threads, fastnn_has_openmp() ? n : 1, "not as many threads as asked for");
        for (int i = 0; i < r.n_threads; i++) {
            expect(r.together[i], r.n_threads, "a thread went on before all had come");
        }
    }
    fastnn_work_begins();
    expect(fastnn_team_is_free(), 1, "nobody has the team");
    expect(fastnn_team_take(), 1, "nobody has the team");
    expect(fastnn_team_take(), 0, "the team was taken twice");
    expect(fastnn_team_is_wanted(), 0, "nobody else works");
    fastnn_work_begins();
    expect(fastnn_team_is_wanted(), 1, "somebody else works");
    fastnn_team_give_back();
    expect(fastnn_team_take(), 0, "somebody else works");
    fastnn_work_ends();
    expect(fastnn_team_take(), 1, "nobody else works any more");

    expect(fastnn_team_pays(0.1, 1, 2), 1, "a tenth of the time was waited");
    fastnn_team_give_back();
    expect(fastnn_team_is_free(), 1, "it pays");
    expect(fastnn_team_pays(0.6, 1, 2), 0, "more was waited than a second thread can bring");
    expect(fastnn_team_pays(0.6, 1, 4), 1, "a share of 0.4 of four threads is more than one");
    expect(fastnn_team_is_free(), 1, "it pays");
    expect(fastnn_team_pays(0.6, 1, 2), 0, "more was waited than a second thread can bring");
    expect(fastnn_team_is_free(), 0, "it did not pay a moment ago");
    expect(fastnn_team_pays(0.1, 1, 2), 1, "a tenth of the time was waited");
    expect(fastnn_team_pays(0.6e-3, 1e-3, 2), 1, "too short a time to judge by");
    expect(fastnn_team_pays(0.6e-3, 1e-3, 2), 1, "and a second one");
    expect(fastnn_team_pays(1.8e-3, 3e-3, 2), 0, "but not all of them together");
    expect(fastnn_team_pays(0.6e-3, 1e-3, 2), 1, "they are judged once");
    wait_milliseconds(60);
    expect(fastnn_team_is_free(), 1, "it may pay by now");
    expect(fastnn_team_is_awake(), 1, "work has gone on for more than 5 ms");
    fastnn_work_ends();
}
#endif
