/** The three shapes of values by which docs/codecs.md compares codecs. The same ones every time. */

/** Frequent English words. */
const WORDS = (
  'the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were all ' +
  'her she there would their we him been has when who will no more if out so up said what its about than into them can only other ' +
  'time new some could these two may first then do any like my now over such our man me even most made after also did many'
).split(' ');

/** Numbers from 0 to 1: the linear congruential generator of "Numerical Recipes". */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function textOf(next: () => number, words: number): string {
  return Array.from({ length: words }, () => WORDS[Math.floor(next() * WORDS.length)]).join(' ');
}

/** A page of rows as a database gives them: short texts, numbers, dates. */
export function sampleRows(): unknown {
  const next = numbersFrom(1);
  return Array.from({ length: 100 }, (_, index) => ({
    id: 100_000 + index,
    name: textOf(next, 2),
    email: `${textOf(next, 1)}${index}@example.org`,
    balance: Math.round(next() * 1e6) / 100,
    active: next() > 0.2,
    createdAt: new Date(1.7e12 + Math.floor(next() * 1e10)),
    tags: [textOf(next, 1), textOf(next, 1)],
  }));
}

/** A document: mostly long texts, plain JSON. */
export function sampleArticle(): unknown {
  const next = numbersFrom(2);
  return {
    id: 7,
    slug: 'what-it-is-about',
    title: textOf(next, 8),
    author: { id: 3, name: textOf(next, 2) },
    body: Array.from({ length: 20 }, () => textOf(next, 60)),
    related: [1, 2, 3, 4],
  };
}

/** What a model or an image is made of: a vector of 1500 numbers and 4 KiB of bytes. */
export function sampleVector(): unknown {
  const next = numbersFrom(3);
  return {
    model: 'small',
    vector: Float32Array.from({ length: 1500 }, () => next() * 2 - 1),
    preview: Buffer.from(Array.from({ length: 4096 }, () => Math.floor(next() * 256))),
  };
}
