/**
 * Jest reporter that writes the counts of a run into the file PANTHEROS_TEST_COUNTS, as JSON. tools/testing sums several
 * runs. A suite that could not run counts as one failed test, since its tests are unknown.
 */
const { writeFileSync } = require("node:fs");

class CountsReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.PANTHEROS_TEST_COUNTS;
    if (!file) return;
    const counts = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
      interrupted: results.wasInterrupted,
    };
    writeFileSync(file, JSON.stringify(counts));
  }
}

module.exports = CountsReporter;
