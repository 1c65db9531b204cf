/**
 * A scanner over JavaScript source text that knows just enough to find where an expression ends: trivia, strings, template
 * literals, regular expressions and brackets. It never guesses: where a `/` could begin a regular expression or be a division and
 * only a full parser could tell, it throws `Unreadable`.
 *
 * Source of the rules: ECMA-262, "ECMAScript Language: Lexical Grammar" (the goal symbols InputElementDiv and InputElementRegExp).
 */

/** The source text cannot be read with certainty. Never leaves this folder. */
export class Unreadable extends Error {}

/** What came before decides what a `/` is: after an `operand` a division, after an `operator` a regular expression. */
type Before = 'operand' | 'operator' | 'uncertain';

const TRIVIA = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[\s\S]*?\*\/)+/y;
const WORD = /#?(?:[\p{ID_Continue}$\u200c\u200d]|\\u\{[\da-fA-F]+\}|\\u[\da-fA-F]{4})+/uy;
const NUMBER = /\d[\w.]*/y;
const STRING = /'(?:[^'\\\n\r]|\\[\s\S])*'|"(?:[^"\\\n\r]|\\[\s\S])*"/y;
const REGEX = /\/(?![*/])(?:[^/\\[\n\r]|\\.|\[(?:[^\]\\\n\r]|\\.)*\])+\/[\p{ID_Continue}$]*/uy;

/** Words after which an expression begins. */
const OPERATOR_WORDS = new Set([
  'await',
  'case',
  'delete',
  'do',
  'else',
  'in',
  'instanceof',
  'new',
  'return',
  'throw',
  'typeof',
  'void',
]);
/** Words that are operators in some places and names in others. */
const AMBIGUOUS_WORDS = new Set(['async', 'await', 'get', 'let', 'of', 'set', 'static', 'yield']);

const CLOSERS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export class SourceScanner {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** What has not been read yet. */
  rest(): string {
    return this.#source.slice(this.#at);
  }

  /** Skips white space and comments; true when the text `expected` follows, which is then skipped too. */
  take(expected: string): boolean {
    this.#skip(TRIVIA);
    if (!this.#source.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  /** Skips white space and comments, then an identifier, keyword, private name or number, which is returned. */
  takeWord(): string | undefined {
    this.#skip(TRIVIA);
    return this.#skip(WORD);
  }

  /** Skips white space and comments, then a string literal. */
  takeString(): boolean {
    this.#skip(TRIVIA);
    return this.#skip(STRING) !== undefined;
  }

  /** Skips an expression, to before the first `,` or closing bracket that is not part of it. */
  skipExpression(): void {
    const open: string[] = [];
    let before: Before = 'operator';
    for (;;) {
      this.#skip(TRIVIA);
      const character = this.#source.charAt(this.#at);
      if (character === '') throw new Unreadable();
      if (open.length === 0 && (character === ',' || isCloser(character))) return;
      before = this.#skipToken(character, before, open);
    }
  }

  #skipToken(character: string, before: Before, open: string[]): Before {
    if (character === '/' && before !== 'operand') return this.#skipRegex(before);
    if (character === '"' || character === "'") return this.#mustSkip(STRING);
    if (character === '`') return this.#skipTemplate();
    if (this.#source.startsWith('...', this.#at)) return this.#advance(3, 'operator');
    if (this.#skip(NUMBER) !== undefined) return 'operand';
    const word = this.#skip(WORD);
    if (word !== undefined) return this.#afterWord(word);
    const closer = CLOSERS[character];
    if (closer !== undefined) {
      open.push(closer);
      return this.#advance(1, 'operator');
    }
    if (isCloser(character)) {
      if (open.pop() !== character) throw new Unreadable();
      // Inside a function body, `)` may end the head of a statement and `}` a block: what follows could be either.
      return this.#advance(1, open.includes('}') && character !== ']' ? 'uncertain' : 'operand');
    }
    const isStep = this.#source.startsWith('++', this.#at) || this.#source.startsWith('--', this.#at);
    return isStep ? this.#advance(2, 'uncertain') : this.#advance(1, 'operator');
  }

  #afterWord(word: string): Before {
    const start = this.#at - word.length;
    const isProperty = this.#source.charAt(start - 1) === '.' && this.#source.slice(start - 3, start) !== '...';
    if (isProperty) return 'operand';
    if (AMBIGUOUS_WORDS.has(word)) return 'uncertain';
    return OPERATOR_WORDS.has(word) ? 'operator' : 'operand';
  }

  #skipRegex(before: Before): Before {
    if (before === 'uncertain') throw new Unreadable();
    return this.#mustSkip(REGEX);
  }

  #skipTemplate(): Before {
    this.#at++;
    for (;;) {
      const character = this.#source.charAt(this.#at);
      if (character === '') throw new Unreadable();
      if (character === '`') return this.#advance(1, 'operand');
      if (character === '\\') this.#at += 2;
      else if (this.#source.startsWith('${', this.#at)) this.#skipSubstitution();
      else this.#at++;
    }
  }

  #skipSubstitution(): void {
    this.#at += 2;
    do this.skipExpression();
    while (this.take(','));
    if (!this.take('}')) throw new Unreadable();
  }

  #advance(by: number, before: Before): Before {
    this.#at += by;
    return before;
  }

  #mustSkip(pattern: RegExp): Before {
    if (this.#skip(pattern) === undefined) throw new Unreadable();
    return 'operand';
  }

  #skip(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

function isCloser(character: string): boolean {
  return character === ')' || character === ']' || character === '}';
}
