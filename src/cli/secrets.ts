/** Secrets on a command line, kept out of what is printed. */

/** The password in a URL, as it is written there: from the first colon of the credentials to the last `@`. */
const PASSWORD = /^[a-z]+:\/\/[^:@/]*:(.*)@/s;

/** Characters that must be percent-encoded in a password; where they are not, parts of it are taken for host, port or database. */
const MISREAD = /[/?#@:\s]/;

/**
 * What hides passwords that a parser of URLs would misread, and so show as a host or a database. Others are never part of what is printed,
 * and may be ordinary words.
 */
export function hiderOf(texts: readonly (string | undefined)[]): (line: string) => string {
  const secrets = texts
    .map((text) => PASSWORD.exec(text?.replace(/^--[a-z-]+=/, '') ?? '')?.[1] ?? '')
    .filter((secret) => MISREAD.test(secret))
    .flatMap((secret) => [secret, ...secret.split(MISREAD).filter((part) => part.length > 2)]);
  return (line) => secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), line);
}
