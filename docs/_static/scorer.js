// How the search ranks what it finds: pages for those who use fastnn before those for who changes it.
// An entry of an index directive with a "!" comes first (Sphinx gives it 100).
var Scorer = {
  score: ([page, , , , score]) =>
    /^(decisions\/|architecture|changelog|contributing|extending|testing|releasing)/.test(page) ? score / 10 : score,
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
