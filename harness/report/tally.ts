/** What is printed of runs while they go on, and how many went as they should. */
import type { Fault } from '../faults/fault.js';
import type { RunObserver } from '../run.js';
import type { RunResult } from './result.js';

/** Violations that are printed of each run. */
const SHOWN = 8;

/** Counts what passed and failed, and keeps the figures. */
export class Tally implements RunObserver {
  readonly results: RunResult[] = [];
  readonly #expected: 'no violations' | 'violations';
  passed = 0;
  failed = 0;
  #lines: string[] = [];

  constructor(expected: 'no violations' | 'violations') {
    this.#expected = expected;
  }

  begin({ name, title }: Fault): void {
    this.#lines = [`\n${name}: ${title}`];
  }

  note(line: string): void {
    this.#lines.push(`    ${line}`);
  }

  end(result: RunResult): void {
    const { violated, rules, violations, judged, seconds } = result;
    this.results.push(result);
    if (violated > 0 === (this.#expected === 'violations')) this.passed += 1;
    else this.failed += 1;
    const broken = rules.map(([rule, count]) => `INVARIANT ${rule}: ${count}`).join(', ');
    this.note(
      `${seconds.toFixed(0)} s, ${judged} judged, ${violated} violations${broken === '' ? '' : ` (${broken})`}`,
    );
    for (const { rule, text } of violations.slice(0, SHOWN)) this.note(`INVARIANT ${rule}: ${text}`);
    console.log(this.#lines.join('\n'));
  }
}
