/** A statement: SQL text, compiled once per store, with the name it is prepared under. */
import { createHash } from 'node:crypto';
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
} from 'kysely';

export interface Statement {
  /** Unique per text: two stores with different tables may share a connection. */
  readonly name: string;
  readonly text: string;
  /** Decides its deadline and whether it may be repeated when its outcome is unknown. */
  readonly effect: 'read' | 'write';
}

/** What a statement is given, in the order of `$1`, `$2`, ...: text in PostgreSQL's notation, or bytes. */
export type Parameter = string | number | Buffer | Pieces | null;

/** Bytes in pieces, of which texts are UTF-8: put together where they are sent, and not before. */
export class Pieces {
  readonly #pieces: readonly (string | Uint8Array)[];
  /** Of each piece, in bytes. */
  readonly lengths: readonly number[];
  /** Of all, in bytes. */
  readonly length: number;

  constructor(pieces: readonly (string | Uint8Array)[]) {
    this.#pieces = pieces;
    this.lengths = pieces.map((piece) => (typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length));
    this.length = this.lengths.reduce((sum, length) => sum + length, 0);
  }

  /** Writes them into `target` from `at` on; where they end. */
  writeTo(target: Buffer, at: number): number {
    let end = at;
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') {
        end += target.write(piece, end);
      } else {
        target.set(piece, end);
        end += piece.length;
      }
    }
    return end;
  }

  toBuffer(): Buffer {
    const buffer = Buffer.allocUnsafe(this.length);
    this.writeTo(buffer, 0);
    return buffer;
  }
}

/** A row as it comes from the wire: every column is text. */
export type Row = readonly (string | null)[];

/** Kysely without a connection: it quotes identifiers and writes SQL. */
const compiler = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** Compiles a template whose parameters are written `$1::type`, so that they can be bound anew on every run. */
export function statement(name: string, effect: 'read' | 'write', template: RawBuilder<unknown>): Statement {
  const compiled = template.compile(compiler);
  if (compiled.parameters.length > 0) throw new TypeError(`The statement ${name} binds a value at compile time`);
  const hash = createHash('sha256').update(compiled.sql).digest('hex').slice(0, 12);
  return { name: `keepsake_${name}_${hash}`, text: compiled.sql, effect };
}

/** A statement of which only the text is known, and that it reads. */
export function readingStatement(text: string): Statement {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { name: `keepsake_other_${hash}`, text, effect: 'read' };
}
