/**
 * Jest reporter that writes what a run came to into the file PANTHEROS_TEST_COUNTS, as JSON. tools/testing adds several
 * runs up. A suite that could not run at all counts as one failed test: its tests are not known.
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
