/** Patterns of SQL's LIKE: `%` is any text, `_` any character, and a character after `\` itself. */
export function matcher(like: string): (text: string) => boolean {
  const source = like.replaceAll(
    /\\(.)|(%)|(_)|(.)/gsu,
    (_, escaped?: string, many?: string, one?: string, plain = '') => {
      if (many !== undefined) return '.*';
      if (one !== undefined) return '.';
      return (escaped ?? plain).replace(/[\^$.*+?()[\]{}|/\\]/u, '\\$&');
    },
  );
  const pattern = new RegExp(`^${source}$`, 'su');
  return (text) => pattern.test(text);
}
