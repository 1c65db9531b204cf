/** Run-time policies: all of them, for there are as many as use cases. */
import { sql } from 'kysely';
import type { Tables } from '../names.js';
import { type Statement, statement } from '../statement.js';

export function policiesStatement(tables: Tables): Statement {
  return statement(
    'policies',
    'read',
    sql`select policy.use_case, policy.enabled, policy.ramp_local, policy.ramp_shared, policy.policy::text
from ${tables.policies} as policy
limit 10000`,
  );
}
