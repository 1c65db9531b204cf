/** One run of the engine's model: the steps of a scenario, what is left when it ends, and what was broken on the way. */
import { finish } from './engine-ending.js';
import type { Violation } from './engine-history.js';
import type { Breakage } from './engine-parts.js';
import type { Scenario } from './engine-steps.js';
import { World } from './engine-world.js';

/** What a run showed. */
export interface Outcome {
  readonly violations: readonly Violation[];
  /** What happened, line by line. */
  readonly trace: readonly string[];
}

export async function runScenario(scenario: Scenario, breakage: Breakage = {}): Promise<Outcome> {
  const world = await World.open(scenario, breakage);
  for (const step of scenario.steps) {
    await world.perform(step);
    if (world.history.violations.length > 0) break;
  }
  await finish(world);
  return { violations: world.history.violations, trace: world.trace };
}
