/** `keepsake doctor`: what is wrong between a cache and its database, one line each, and how to mend it. */
import { diagnose } from '../../postgres/diagnosis/diagnose.js';
import type { Finding } from '../../postgres/diagnosis/finding.js';
import type { Command } from '../command.js';
import { connectionOf } from '../target.js';
import { versionFindings } from '../versions.js';

type Line = Pick<Finding, 'verdict' | 'says' | 'mend'> & { readonly check: string };

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '',
  summary: 'says what is wrong with the database, the rights, the tables or the connection, and how to mend it',
  options: {},
  operands: { least: 0, most: 0 },
  async run({ target, print }) {
    const connection = connectionOf(target);
    let wrong = 0;
    const show = (finding: Line): void => {
      if (finding.verdict === 'wrong') wrong += 1;
      print(lineOf(finding));
    };
    for (const finding of versionFindings()) show(finding);
    const { schema, table, prefix, listenConnection } = target;
    for await (const finding of diagnose({ connection, listenConnection, schema, table, prefix })) show(finding);
    print(wrong === 0 ? 'Nothing is wrong.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`);
    return wrong === 0 ? 0 : 1;
  },
};

function lineOf({ check, verdict, says, mend }: Line): string {
  const remedy = mend === undefined ? '' : ` -> ${mend}`;
  return `${verdict.padEnd(5)}  ${check.padEnd(10)}  ${says.replaceAll(/\s*\n\s*/g, ' ')}${remedy}`;
}
