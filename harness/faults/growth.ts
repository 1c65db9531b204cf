/** No fault: what constant writing makes of the tables. */
import { type GrowthSample, judgeGrowth, kib, leastTime, type TableCount } from '../check/growth.js';
import type { Cluster } from '../cluster.js';
import { now } from '../monotonic.js';
import { type Fault, repeat } from './fault.js';

const LOAD_DEADLINE = 5_000;

/** From one sample to the next, and between two that are printed, in milliseconds. */
const SAMPLED = 5_000;
const PRINTED = 20_000;

export const growth: Fault = {
  name: 'growth',
  title: 'no fault: whether the tables stop growing under constant writing, with a load deadline of 5 s',
  network: 'direct',
  needs: 'any server',
  setup: { loadDeadline: LOAD_DEADLINE, sweepEvery: 2_000, writePause: 4 },
  leastSeconds: Math.ceil((leastTime(LOAD_DEADLINE) + 2 * SAMPLED) / 1_000),
  run: async (context) => {
    const { cluster } = context;
    const began = now();
    const samples: GrowthSample[] = [];
    let printed = 0;
    await repeat(context, SAMPLED, async () => {
      const sample = { at: now() - began, ...(await count(cluster)) };
      samples.push(sample);
      if (sample.at - printed < PRINTED) return;
      printed = sample.at;
      context.note(`${Math.round(sample.at / 1_000)} s: entries ${told(sample.entries)}; log ${told(sample.log)}`);
    });
    for (const wrong of judgeGrowth(samples, LOAD_DEADLINE)) cluster.checker.violate('29', wrong);
  },
};

type Row = { readonly [Name in keyof TableCount]: string } & { readonly name: string };

async function count({ server, setup }: Cluster): Promise<Omit<GrowthSample, 'at'>> {
  const { schema } = setup;
  const rows = await server.ask<Row>(
    `select relname as name, n_dead_tup as dead, pg_total_relation_size(relid) as bytes,
       n_tup_ins + n_tup_upd as written, n_tup_upd + n_tup_del as died,
       case relname
         when 'cache' then (select count(*) from ${schema}.cache)
         else (select count(*) from ${schema}.cache_invalidations)
       end as rows
     from pg_stat_user_tables where schemaname = $1 and relname in ('cache', 'cache_invalidations')`,
    [schema],
  );
  const of = (wanted: string): TableCount => {
    const found = rows.find(({ name }) => name === wanted);
    const number = (column: keyof TableCount): number => Number(found?.[column]);
    return {
      rows: number('rows'),
      dead: number('dead'),
      bytes: number('bytes'),
      written: number('written'),
      died: number('died'),
    };
  };
  return { entries: of('cache'), log: of('cache_invalidations') };
}

function told({ rows, dead, bytes, written }: TableCount): string {
  return `${rows} rows of ${written} written, ${dead} dead, ${kib(bytes)} KiB`;
}
