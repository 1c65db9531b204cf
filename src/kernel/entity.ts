/**
 * Entities: the one thing that an entry is about, such as user 42, whatever use case has made it of whatever arguments. Inside it is a
 * tag by another name, in a form that no tag of a user can have: it begins with NUL, which texts of users never contain.
 */
import { refuse } from './expectation.js';
import { checkText } from './tags.js';

/** A part of an entity's id. 42, 42n and `'42'` are the same part. */
export type EntityPart = string | number | bigint;

/** A type, and the parts of an id. */
export type Entity = readonly [type: string, ...id: EntityPart[]];

/** An entity as the engine knows it. */
export interface ParsedEntity {
  readonly type: string;
  /** Its tag. */
  readonly tag: string;
}

const EXPECTED = "a type and at least one part of an id, such as ['user', 42]";

/**
 * Checks an entity.
 *
 * @throws ConfigurationError `INVALID_POLICY` for anything but a type and one or several texts, finite numbers or bigints
 */
export function parseEntity(input: unknown, subject: string): ParsedEntity {
  if (!Array.isArray(input) || input.length < 2)
    throw refuse({ option: 'entity', expected: EXPECTED, got: input, subject });
  const [type, ...id]: readonly unknown[] = input;
  const checked = checkText(type, 'entity[0]', subject);
  return {
    type: checked,
    tag: entityTag(
      checked,
      id.map((part, index) => textOf(part, `entity[${index + 1}]`, subject)),
    ),
  };
}

/** The tag of an entity, of the texts of its id. */
export function entityTag(type: string, id: readonly string[]): string {
  // No two lists have one JSON text, and it escapes what PostgreSQL cannot store.
  return `\0${JSON.stringify([type, ...id])}`;
}

/** What an entity's tag says about it; undefined for the tags of users. */
export function entityText(tag: string): string | undefined {
  return tag.startsWith('\0') ? tag.slice(1) : undefined;
}

function textOf(part: unknown, option: string, subject: string): string {
  if (typeof part === 'string' || typeof part === 'bigint' || (typeof part === 'number' && Number.isFinite(part)))
    return String(part);
  throw refuse({ option, expected: 'a text, a finite number or a bigint', got: part, subject });
}
