/**
 * @typedef {import('vitest/reporters').Reporter} Reporter
 * @typedef {import('vitest/node').TestModule} TestModule
 */

/**
 * A Vitest reporter whose last line is `N passed, N failed` (`, N skipped` when there are any), alone on its line.
 * Type checks, files that could not be loaded and errors outside tests count too; a run of 0 tests fails.
 *
 * @implements {Reporter}
 */
export default class SummaryReporter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  /** The line is written at exit, so that nothing a teardown prints can follow it. */
  onInit() {
    process.once('exit', () => {
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : '';
      process.stdout.write(`${this.#passed} passed, ${this.#failed} failed${skipped}\n`);
      if (this.#failed > 0 || this.#passed === 0) process.exitCode = process.exitCode || 1;
    });
  }

  /**
   * @param {readonly TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    this.#passed = 0;
    this.#failed = unhandledErrors.length;
    this.#skipped = 0;
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') this.#passed += 1;
        else if (state === 'skipped') this.#skipped += 1;
        else failedTests += 1;
      }
      // A file or suite can fail without any of its tests failing: an import error, a hook.
      this.#failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests;
    }
  }
}
