import { describe, expect, it } from 'vitest';
import { runExample } from './run-example.js';

/** What is printed, without the instants and durations: `what | answer | from`. */
const TIMELINE = `
Healthy
price('tea') | 3 | loader
price('tea') | 3 | local, fresh
price('tea') in another process | 3 | shared, fresh
price('milk') | 1 | loader
delivery('tea') | tea in 3 days | loader
stock('tea') | tea: plenty | loader
rate('EUR') | 1 EUR | loader
rate('EUR'), refreshed in the background | 1 EUR | local, early
delivery('tea'), the supplier fails | tea in 3 days | shared, stale

The network swallows everything
price('tea') | 3 | local, fresh
setPrice('tea', 4) | changed
invalidations owed | 1
price('tea') | 4 | loader
price('tea') in another process | 3 | shared, fresh
delivery('tea'), the supplier fails | some day | fallback
stock('tea'), the supplier fails | tea: plenty | local, stale
Cache.set, which says that it failed | StoreError
the breaker | open
200 new prices at once | all there | loader
price('milk'), its copy is too old | 1 | loader

The network is back
the breaker | closed
invalidations owed | 0
price('tea') in another process | gone
the stream | listening
price('tea') | 4 | loader
price('tea') | 4 | local, fresh
price('tea') in another process | 4 | shared, fresh
delivery('tea') | tea in 3 days | loader
`;

describe('examples/outage', () => {
  it('INVARIANT 27: every call is answered while nothing answers, and what is owed is delivered when the database is back', async () => {
    const { status, output, errors } = await runExample('outage', {});
    expect({ status, errors, output: withoutTimes(output) }).toEqual({ status: 0, errors: '', output: TIMELINE });
  });
});

function withoutTimes(output: string): string {
  const lines = output.split('\n').filter((line) => !line.startsWith('seconds'));
  return lines.map((line) => rowOf(line) ?? line).join('\n');
}

/** The columns between the instant and the duration; undefined for a line that has none. */
function rowOf(line: string): string | undefined {
  if (!/^ *\d+\.\d {2}/.test(line)) return undefined;
  const columns = [line.slice(9, 53), line.slice(53, 75), line.slice(75, 90)].map((column) => column.trim());
  return columns.filter((column) => column !== '').join(' | ');
}
