import { deepStrictEqual } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { createMessagePackCodec } from '../../../src/codec/message-pack/codec.js';
import { createSuperjsonCodec } from '../../../src/codec/superjson-codec.js';
import { deepClone } from '../../../src/kernel/deep-clone.js';
import { CODECS, roundTripsOf } from './codecs-under-test.js';

/** Keeps everything in properties. */
class Range {
  readonly from: number;
  readonly to: Date;

  constructor(from: number, to: Date) {
    this.from = from;
    this.to = to;
  }

  get length(): number {
    return this.to.getTime() - this.from;
  }
}

/** Made by a constructor that checks, with data of another shape than its properties. */
class Money {
  static made = 0;
  readonly amount: string;

  private constructor(cents: bigint) {
    if (cents < 0n) throw new RangeError('Negative money');
    Money.made += 1;
    this.amount = `${cents / 100n}.${cents % 100n}`;
    Object.freeze(this);
  }

  static of(cents: bigint): Money {
    return new Money(cents);
  }

  get cents(): bigint {
    return BigInt(this.amount.replace('.', ''));
  }
}

const money = {
  class: Money,
  toData: (value: Money) => value.cents,
  fromData: (cents: bigint) => Money.of(cents),
};
const undecodable = expect.objectContaining({ name: 'CodecError', code: 'UNDECODABLE_VALUE' });

describe.each(CODECS)('$name: instances of registered classes', ({ make }) => {
  const codec = make({ classes: { 'Range@1': Range, 'Money@3': money } });
  const roundTrip = roundTripsOf(codec);

  it('INVARIANT 23: come back as instances, alone and anywhere', () => {
    const value = new Range(5, new Date(8));
    const everywhere = {
      list: [value],
      map: new Map([[value, { price: Money.of(1250n) }]]),
      set: new Set([Money.of(199n)]),
    };
    for (const each of [value, everywhere]) deepStrictEqual(roundTrip(each), each);
    expect(roundTrip(value)).toBeInstanceOf(Range);
    expect(roundTrip(value)).toHaveProperty('length', 3);
  });

  it('without conversions are made without their constructor', () => {
    class Counted {
      static made = 0;
      readonly id = 1;

      constructor() {
        Counted.made += 1;
      }
    }
    const counting = roundTripsOf(make({ classes: { 'Counted@1': Counted } }));
    deepStrictEqual(counting(new Counted()), Object.assign(Object.create(Counted.prototype), { id: 1 }));
    expect(Counted.made).toBe(1);
  });

  it('with conversions are made by these', () => {
    const before = Money.made;
    const copy = roundTrip(Money.of(1250n));
    expect(copy).toHaveProperty('cents', 1250n);
    expect(Object.isFrozen(copy)).toBe(true);
    expect(Money.made).toBeGreaterThan(before + 1);
  });

  it('are not told of as plain data, and answer before their `toJSON`', () => {
    const told: string[] = [];
    class Asked {
      readonly a = 1;
      toJSON(): string {
        return 'asked';
      }
    }
    class Other {}
    const telling = roundTripsOf(make({ classes: { 'Asked@1': Asked }, onClass: (name) => told.push(name) }));
    deepStrictEqual(telling([new Asked(), new Other()]), [new Asked(), {}]);
    expect(told).toEqual(['Other']);
  });

  it('of a class that extends a registered one are plain data: it needs a form of its own', () => {
    class Wider extends Range {}
    deepStrictEqual(roundTrip(new Wider(1, new Date(2))), { from: 1, to: new Date(2) });
  });

  it('may extend built-in classes, and stand in errors as causes', () => {
    class NotFound extends Error {
      readonly id: number;
      constructor(id: number) {
        super(`${id} is not found`);
        this.id = id;
      }
    }
    const form = { class: NotFound, toData: (error: NotFound) => error.id, fromData: (id: number) => new NotFound(id) };
    const copy = roundTripsOf(make({ classes: { 'NotFound@1': form } }))(
      new TypeError('x', { cause: new NotFound(5) }),
    );
    const { cause } = copy as { cause: NotFound };
    expect(cause).toBeInstanceOf(NotFound);
    expect([cause.id, cause.message]).toEqual([5, '5 is not found']);
  });

  it('change no prototype, whatever their data is called', () => {
    const hostile = Object.assign(new Range(1, new Date(2)), JSON.parse('{"constructor":1}'));
    Object.defineProperty(hostile, '__proto__', { value: { polluted: true }, enumerable: true });
    const copy = roundTrip(hostile);
    expect(Object.getPrototypeOf(copy)).toBe(Range.prototype);
    expect(Object.keys(copy as object)).toEqual(['from', 'to', 'constructor', '__proto__']);
  });
});

describe.each(CODECS)('$name: classes that hide what they hold', ({ make }) => {
  class Hidden {
    readonly #secret: number;
    constructor(secret: number) {
      this.#secret = secret;
    }
    reveal(): number {
      return this.#secret;
    }
  }
  const hidden = {
    class: Hidden,
    toData: (value: Hidden) => value.reveal(),
    fromData: (secret: number) => new Hidden(secret),
  };
  class Table extends Map<string, number> {}
  const table = {
    class: Table,
    toData: (map: Table) => [...map],
    fromData: (entries: [string, number][]) => new Table(entries),
  };
  const roundTrip = roundTripsOf(make({ classes: { 'Hidden@1': hidden, 'Table@1': table } }));

  it('come back with it, and so do copies of them, and copies of these', () => {
    const decoded = roundTrip({ at: new Date(0), hidden: new Hidden(5), table: new Table([['a', 1]]) });
    for (const value of [decoded, deepClone(decoded), deepClone(deepClone(decoded))]) {
      const copy = value as { hidden: Hidden; table: Table };
      expect(copy.hidden.reveal()).toBe(5);
      expect(copy.table).toBeInstanceOf(Table);
      expect([...copy.table]).toEqual([['a', 1]]);
    }
  });

  it('INVARIANT 24: a change of a copy is seen by nobody else', () => {
    const decoded = roundTrip([new Table([['a', 1]])]);
    (deepClone(decoded) as [Table])[0].set('a', 2);
    expect((decoded as [Table])[0].get('a')).toBe(1);
  });
});

describe.each(CODECS)('$name: versions', ({ make }) => {
  const encoded = make({ classes: { 'Money@1': money } }).encode([Money.of(5n)]);

  it('are stored with the name, and the name of the class is not, which minifiers change', () => {
    class Written {
      readonly id = 1;
    }
    class q {
      readonly id = 1;
    }
    const written = make({ classes: { 'Point@1': Written } }).encode([new Written()]);
    deepStrictEqual(make({ classes: { 'Point@1': q } }).decode(written), [new q()]);
  });

  it.each([
    ['that knows no class', undefined],
    ['that knows another class', { 'Range@1': Range }],
    ['that knows another version', { 'Money@2': money }],
    ['whose class refuses the data', { 'Money@1': { ...money, fromData: () => Money.of(-1n) } }],
    ['whose conversion makes something else', { 'Money@1': { ...money, fromData: () => new Range(0, new Date()) } }],
    ['whose conversion makes no object', { 'Money@1': { ...money, fromData: (cents: bigint) => Object(cents) } }],
  ])('INVARIANT 25: a reader %s has a miss: no exception, no plain data', (_, classes) => {
    const reader = make(classes === undefined ? {} : { classes });
    expect(() => reader.decode(encoded)).toThrow(undecodable);
  });

  it('are part of the name of the codec, by which definitions are compared', () => {
    expect(make({ classes: { 'Range@1': Range, 'Money@1': money } }).name).toBe(`${make().name}(Money@1, Range@1)`);
  });
});

describe.each(CODECS)('$name: forms that cannot work', ({ make }) => {
  function refusalOf(classes: object, value: object): unknown {
    try {
      make({ classes: { ...classes } }).encode({ value });
    } catch (error) {
      return error;
    }
    return undefined;
  }

  it('are refused where the conversions do not fit each other', () => {
    const forgetful = { ...money, fromData: () => Money.of(0n) };
    expect(refusalOf({ 'Money@1': forgetful }, Money.of(5n))).toMatchObject({
      code: 'UNENCODABLE_VALUE',
      message: 'Expected `fromData` of `Money@1` to make an instance with the same data',
    });
  });

  it('and where an instance becomes itself, or something that cannot be stored', () => {
    expect(
      refusalOf(
        { 'Range@1': { class: Range, toData: (r: Range) => r, fromData: (r: Range) => r } },
        new Range(1, new Date()),
      ),
    ).toMatchObject({
      code: 'UNENCODABLE_VALUE',
    });
    class Service {
      readonly run = (): number => 1;
    }
    expect(refusalOf({ 'Service@1': Service }, new Service())).toMatchObject({
      code: 'UNENCODABLE_VALUE',
      message: 'Expected a value that can be stored, got a function at `value.run`',
    });
  });
});

describe.each([
  ['superjson', createSuperjsonCodec],
  ['msgpack', createMessagePackCodec],
])('%s: registrations', (_, create) => {
  const refused: Record<string, [classes: object, message: string]> = {
    'a name without version': [
      { Money: Range },
      "Expected `classes` to be keyed by name and version such as 'Money@1', got `'Money'` (string)",
    ],
    'a version that is no number': [{ 'Money@new': Range }, "keyed by name and version such as 'Money@1'"],
    'a version alone': [{ '@1': Range }, "keyed by name and version such as 'Money@1'"],
    'two versions': [{ 'Money@1@2': Range }, "keyed by name and version such as 'Money@1'"],
    'what is no class': [{ 'Money@1': 5 }, "Expected `classes['Money@1']` to be a class, or an object with `class`"],
    nothing: [{ 'Money@1': undefined }, "Expected `classes['Money@1']` to be a class, or an object with `class`"],
    'a function without prototype': [
      { 'Money@1': () => 1 },
      "Expected `classes['Money@1'].class` to be a class of yours",
    ],
    'a form without class': [
      { 'Money@1': { toData: () => 1, fromData: () => ({}) } },
      "Expected `classes['Money@1']` to be a class, or an object with `class`",
    ],
    Object: [{ 'Money@1': Object }, "Expected `classes['Money@1'].class` to be a class of yours"],
    'half of a conversion': [
      { 'Money@1': { class: Range, toData: () => 1 } },
      'with both `toData` and `fromData`, or neither',
    ],
    'a built-in class': [{ 'Map@1': Map }, 'because it is or extends `Map`'],
    'a class that extends a built-in one': [
      { 'E@1': class extends TypeError {} },
      'because it is or extends `TypeError`',
    ],
    'a class with two names': [
      { 'A@1': Range, 'A@2': Range },
      'Expected each class to be registered once, got the class of `A@2` as `A@1` too',
    ],
  };

  it.each(Object.keys(refused))('refuses %s', (name) => {
    const [classes, message] = refused[name] ?? [{}, ''];
    expect(() => create({ classes: { ...classes } })).toThrow(
      expect.objectContaining({
        name: 'ConfigurationError',
        code: 'INVALID_OPTION',
        message: expect.stringContaining(message),
      }),
    );
  });
});
