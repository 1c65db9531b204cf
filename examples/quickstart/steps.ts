/** The steps of the quickstart, in the order in which they are played. Each says what it shows and makes the calls that show it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from 'keepsake';
import { showCities, showExtremes, showLargest, showNamesakes } from './answers.js';
import type { City, CityService } from './city-service.js';
import type { Database } from './database.js';
import type { Journal } from './journal.js';
import { withMigration } from './migration.js';
import type { OtherProcess } from './other-process.js';

/** What a step has to work with. */
export interface Stage {
  readonly service: CityService;
  readonly journal: Journal;
  readonly database: Database;
  readonly other: OtherProcess;
}

export interface Step {
  readonly title: string;
  readonly explanation: readonly string[];
  readonly play: (stage: Stage) => Promise<void>;
}

export const STEPS: readonly Step[] = [
  {
    title: '@Cached: the first call, and the second',
    explanation: [
      'The first runs the method and keeps what it returned. The second, and all that follow, are answered in this process.',
    ],
    async play({ service, journal }) {
      await journal.record("search('sao paulo')", () => service.search('sao paulo'), showCities);
      await journal.record("search('sao paulo')", () => service.search('sao paulo'), showCities);
      const often = async (): Promise<void> => {
        for (let call = 1; call <= 1000; call += 1) await service.search('sao paulo');
      };
      await journal.record("1000 x search('sao paulo')", often, () => 'on average');
    },
  },
  {
    title: 'Twenty callers at once',
    explanation: ['All of them want what is not there yet. One load runs, and they share it.'],
    async play({ service, journal }) {
      const callers = Array.from({ length: 20 });
      const everest = (): Promise<unknown> => Promise.all(callers.map(() => service.nearest(27.99, 86.93)));
      await journal.record(
        '20 x nearest(27.99, 86.93)',
        everest,
        () => `${callers.length} callers, ${journal.loads} load`,
      );
    },
  },
  {
    title: 'A second process',
    explanation: [
      'It was started just now and has nothing of its own, but it finds the entry of the first in the shared tier.',
    ],
    async play({ journal, other }) {
      journal.adopt(await other.search());
      journal.adopt(await other.search());
    },
  },
  {
    title: '@InvalidateTags: data changes',
    explanation: [
      'add() invalidates the tags of what it changes, at the cost of two rows however many entries carry them.',
      'The search is made again, and finds the new city. What was made of another country alone stays.',
      'The second process has heard of it too: its copy is gone, and it finds what the first has stored.',
    ],
    async play({ service, journal, other }) {
      const city: City = { name: 'São Paulo da Lembrança', country: 'BR', lat: -23.5, lng: -46.6 };
      await journal.record("extremes('IS')", () => service.extremes('IS'), showExtremes);
      await journal.record(
        `add('${city.name}')`,
        () => service.add(city),
        () => "tags 'cities', 'country:BR'",
      );
      await journal.record("extremes('IS')", () => service.extremes('IS'), showExtremes);
      await journal.record("search('sao paulo')", () => service.search('sao paulo'), showCities);
      journal.adopt(await other.search());
    },
  },
  {
    title: '@Early: refreshed before it expires',
    explanation: [
      'A second later the entry is older than its earlyTtl. Whoever reads it is answered at once, and starts one refresh in the',
      'background.',
    ],
    async play({ service, journal }) {
      await journal.record('namesakes()', () => service.namesakes(), showNamesakes);
      await sleep(1100);
      await journal.record('namesakes()', () => service.namesakes(), showNamesakes);
      await Cache.idle();
      journal.recordRefresh('  its refresh', 'nobody waited');
      await journal.record('namesakes()', () => service.namesakes(), showNamesakes);
    },
  },
  {
    title: '@Failover: an outage',
    explanation: [
      'A migration holds the table: every query on it fails after the 300 ms lock timeout of the application.',
      'Other methods fail with it. largest() is answered with its expired entry: once after its method has failed, then at once,',
      'for 2 s of backoff. After that, with the table back, the method runs again.',
    ],
    async play({ service, journal, database }) {
      await journal.record('largest()', () => service.largest(), showLargest);
      await withMigration(database.pool, async () => {
        await journal.record(
          '  locked: nearest(64.1, -21.9)',
          () => service.nearest(64.1, -21.9),
          () => 'an answer',
        );
        await sleep(1000);
        await journal.record('  locked: largest()', () => service.largest(), showLargest);
        await journal.record('  locked: largest()', () => service.largest(), showLargest);
      });
      await sleep(2100);
      await journal.record('largest()', () => service.largest(), showLargest);
    },
  },
  {
    title: 'Without a decorator: getOrSet. Inside of a method: cacheEntry',
    explanation: [
      'getOrSet caches what any function returns. And a method can say how its result is kept: by cacheEntry().ttl(), search()',
      'keeps for 30 s, instead of 10 min, that nothing was found.',
    ],
    async play({ service, journal }) {
      const southern = (): Promise<number> =>
        Cache.getOrSet('southern', () => service.southern(), { ttl: '10m', tags: ['cities'] });
      await journal.record("getOrSet('southern')", southern, (count) => `${count.toLocaleString('en')} cities`);
      await journal.record("getOrSet('southern')", southern, (count) => `${count.toLocaleString('en')} cities`);
      await journal.record(
        "search('hogwarts')",
        () => service.search('hogwarts'),
        async (cities) => {
          const left = (await Cache.ttl('search:hogwarts')) ?? 0;
          return `${showCities(cities)}, kept for ${Math.ceil(left / 1000)} s`;
        },
      );
    },
  },
];
