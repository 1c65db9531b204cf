/** Batches of writes: inputs of many calls to one statement, and its answer back to each call. */
import type { Remaining } from '../kernel/freshness.js';
import { keyName } from '../kernel/names.js';
import type {
  EntryWrite,
  FillResult,
  InvalidationKind,
  InvalidationReceipt,
  LoadToken,
  Postponed,
  RefusalReason,
  WriteReceipt,
} from '../ports/store.js';
import { numberArray, textArray } from './arrays.js';
import type { Connections } from './connections.js';
import { entryParameters, parametersAlone } from './entry-parameters.js';
import { hashTextOf, hashTexts } from './notification.js';
import type { ResolvedStoreOptions } from './options.js';
import { deleteStatement } from './queries/delete.js';
import { extendStatement } from './queries/extend.js';
import { fillStatement } from './queries/fill.js';
import { invalidateStatement } from './queries/invalidate.js';
import { postponeStatement } from './queries/postpone.js';
import { putStatement } from './queries/put.js';
import { setStatement } from './queries/set.js';
import { setAloneStatement } from './queries/set-alone.js';
import { setIfAbsentStatement } from './queries/set-if-absent.js';
import { touchStatement } from './queries/touch.js';
import { type Answer, type Header, parseAnswer, parseHeader, parseRemaining } from './rows.js';
import type { Parameter, Statement } from './statement.js';

export interface FillInput {
  readonly write: EntryWrite;
  readonly token: LoadToken;
}

export interface InvalidateInput {
  readonly names: readonly string[];
  readonly kind: InvalidationKind;
}

export interface PostponeInput {
  readonly id: string;
  readonly ms: number;
  readonly token: LoadToken;
  readonly what: Postponed;
}

/** Statements whose answer begins with a header. */
type Answering = 'set' | 'setIfAbsent' | 'fill' | 'extend' | 'put' | 'delete';

export class Batches {
  readonly #connections: Connections;
  readonly #scopeNames: string;
  readonly #channel: string;
  readonly #statements: Readonly<Record<Answering | 'setAlone' | 'touch' | 'postpone' | 'invalidate', Statement>>;

  constructor(connections: Connections, options: ResolvedStoreOptions) {
    this.#connections = connections;
    this.#scopeNames = textArray(options.scopeNames);
    this.#channel = connections.channel;
    const { tables } = connections;
    this.#statements = {
      set: setStatement(tables),
      setAlone: setAloneStatement(tables),
      setIfAbsent: setIfAbsentStatement(tables),
      fill: fillStatement(tables),
      extend: extendStatement(tables),
      put: putStatement(tables),
      delete: deleteStatement(tables),
      touch: touchStatement(tables),
      postpone: postponeStatement(tables),
      invalidate: invalidateStatement(tables),
    };
  }

  async set(writes: readonly EntryWrite[]): Promise<readonly WriteReceipt[]> {
    const [alone, another] = writes;
    const receipt = alone === undefined || another !== undefined ? undefined : await this.#setAlone(alone);
    return receipt === undefined ? await this.#setTogether(writes) : [receipt];
  }

  /** Undefined when nothing was written, because others must be told by the log. */
  async #setAlone(write: EntryWrite): Promise<WriteReceipt | undefined> {
    const told = [this.#channel, hashTextOf(keyName(write.id))];
    const [row] = await this.#connections.executor.run(this.#statements.setAlone, [...parametersAlone(write), ...told]);
    if (row === undefined) return undefined;
    const header = this.#trusted(parseHeader(row));
    return receiptOf(header, row[3]);
  }

  async #setTogether(writes: readonly EntryWrite[]): Promise<readonly WriteReceipt[]> {
    const told = this.#tell(writes.map(({ id }) => keyName(id)));
    const { header, rows } = await this.#run('set', [...entryParameters(writes), ...told], writes.length);
    return rows.map((row) => receiptOf(header, row?.[2]));
  }

  async setIfAbsent(writes: readonly EntryWrite[]): Promise<readonly (WriteReceipt | undefined)[]> {
    const hashes = textArray(writes.map(({ id }) => hashTextOf(keyName(id))));
    const parameters = [...entryParameters(writes), this.#channel, hashes, this.#scopeNames];
    const { header, rows } = await this.#run('setIfAbsent', parameters, writes.length);
    return rows.map((row) => row && receiptOf(header, row[2]));
  }

  async fill(inputs: readonly FillInput[]): Promise<readonly FillResult[]> {
    return await this.#publish('fill', inputs, []);
  }

  async extend(inputs: readonly FillInput[]): Promise<readonly FillResult[]> {
    // Not even sent.
    const write = ({ write: { encoded, ...other } }: FillInput): EntryWrite => ({
      ...other,
      encoded: { ...encoded, body: '' },
    });
    return await this.#publish(
      'extend',
      inputs.map((input) => ({ ...input, write: write(input) })),
      [],
    );
  }

  async put(inputs: readonly FillInput[]): Promise<readonly FillResult[]> {
    return await this.#publish('put', inputs, this.#tell(inputs.map(({ write }) => keyName(write.id))));
  }

  async #publish(
    which: 'fill' | 'extend' | 'put',
    inputs: readonly FillInput[],
    further: readonly Parameter[],
  ): Promise<readonly FillResult[]> {
    const tokens = inputs.map(({ token }) => token);
    const parameters = [
      ...entryParameters(inputs.map(({ write }) => write)),
      textArray(tokens.map(({ incarnation }) => incarnation)),
      textArray(tokens.map(({ snapshot }) => snapshot)),
      textArray(tokens.map(({ at }) => at)),
      this.#scopeNames,
      ...further,
    ];
    const { header, rows } = await this.#run(which, parameters, inputs.length);
    return rows.map((row): FillResult => {
      const reason = row?.[1];
      return reason == null
        ? { status: 'stored', receipt: receiptOf(header, row?.[2]) }
        : { status: 'refused', reason: reason as RefusalReason };
    });
  }

  async delete(ids: readonly string[]): Promise<readonly (InvalidationReceipt & { readonly existed: boolean })[]> {
    const parameters = [textArray(ids), this.#scopeNames, ...this.#tell(ids.map(keyName))];
    const { header, rows } = await this.#run('delete', parameters, ids.length);
    return rows.map((row) => ({ xid: header.xid, existed: row !== undefined }));
  }

  async touch(ids: readonly string[]): Promise<readonly (Remaining | undefined)[]> {
    const rows = await this.#connections.executor.run(this.#statements.touch, [textArray(ids), this.#scopeNames]);
    const byPosition = new Map(rows.map((row) => [Number(row[0]), row]));
    return ids.map((_, i) => {
      const row = byPosition.get(i + 1);
      if (row === undefined) return undefined;
      const { fresh, early, stale } = parseRemaining(row[1]);
      return { fresh, early, stale };
    });
  }

  async postpone(inputs: readonly PostponeInput[]): Promise<readonly undefined[]> {
    await this.#connections.executor.run(this.#statements.postpone, [
      textArray(inputs.map(({ id }) => id)),
      numberArray(inputs.map(({ ms }) => ms)),
      textArray(inputs.map(({ token }) => token.incarnation)),
      textArray(inputs.map(({ token }) => token.snapshot)),
      textArray(inputs.map(({ what }) => what)),
    ]);
    return inputs.map(() => undefined);
  }

  /** One row a name, however many callers invalidate it; the stronger kind counts. */
  async invalidate(inputs: readonly InvalidateInput[]): Promise<readonly InvalidationReceipt[]> {
    const kinds = new Map<string, InvalidationKind>();
    for (const { names, kind } of inputs) {
      for (const name of names) if (kind === 'delete' || !kinds.has(name)) kinds.set(name, kind);
    }
    const all = [...kinds.keys()];
    const parameters = [textArray(all), textArray([...kinds.values()]), ...this.#tell(all)];
    const [row] = await this.#connections.executor.run(this.#statements.invalidate, parameters);
    const receipt = { xid: Number(row?.[0]) };
    return inputs.map(() => receipt);
  }

  /** The last two parameters of statements that tell other processes about these names. */
  #tell(names: readonly string[]): readonly Parameter[] {
    return [this.#channel, textArray(hashTexts(names))];
  }

  /** Runs a statement whose answer begins with a header. */
  async #run(which: Answering, values: readonly Parameter[], count: number): Promise<Answer> {
    const { executor } = this.#connections;
    const answer = parseAnswer(await executor.run(this.#statements[which], values), count);
    this.#trusted(answer.header);
    return answer;
  }

  /** The server may have crashed behind a pooler's back: then the next statement finds out, and fills the boot table. */
  #trusted(header: Header): Header {
    if (header.token.incarnation === '') this.#connections.executor.distrust();
    return header;
  }
}

function receiptOf({ token, xid }: Header, times: string | null | undefined): WriteReceipt {
  const { ceiling, ...remaining } = parseRemaining(times);
  return { remaining, ceiling, token, xid };
}
