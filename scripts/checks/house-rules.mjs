/** Rules of this project that no tool has. Each says how much it looked at, so that one that saw nothing is noticed. */
import ts from 'typescript';
import { place, projectFiles, readProjectFile, sourceFiles, walk } from './project-files.mjs';

/** @typedef {{ checked: number, unit: string, problems: string[] }} Finding */

const CODE = ['src', 'migrations', 'test', 'bench', 'harness', 'examples', 'scripts'];
const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;

/** @returns {Finding} */
export function fileLength() {
  const files = sourceFiles(CODE);
  const problems = files.flatMap((file) => {
    const lines = file.text.trimEnd().split('\n').length;
    return lines > MAX_FILE_LINES ? [`${file.fileName}: ${lines} lines, at most ${MAX_FILE_LINES}`] : [];
  });
  return { checked: files.length, unit: 'files', problems };
}

/**
 * Functions of tests are left out: a `describe` is a function too.
 *
 * @returns {Finding}
 */
export function functionLength() {
  let checked = 0;
  /** @type {string[]} */
  const problems = [];
  for (const file of sourceFiles(CODE.filter((folder) => folder !== 'test'))) {
    walk(file, (node) => {
      if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
      checked += 1;
      const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
      const lines = file.getLineAndCharacterOfPosition(node.getEnd()).line - first + 1;
      if (lines > MAX_FUNCTION_LINES) {
        problems.push(`${place(file, node)}: a function of ${lines} lines, at most ${MAX_FUNCTION_LINES}`);
      }
    });
  }
  return { checked, unit: 'functions', problems };
}

/**
 * `any`, `!` and suppressed errors, even where a linter was told to look away.
 *
 * @returns {Finding}
 */
export function typeHoles() {
  const files = sourceFiles(['src', 'migrations']);
  /** @type {string[]} */
  const problems = [];
  for (const file of files) {
    walk(file, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) problems.push(`${place(file, node)}: any`);
      if (ts.isNonNullExpression(node)) problems.push(`${place(file, node)}: non-null assertion`);
      if (ts.isPropertyDeclaration(node) && node.exclamationToken)
        problems.push(`${place(file, node)}: unchecked property`);
    });
    for (const [index, line] of file.text.split('\n').entries()) {
      if (/@ts-(?:ignore|expect-error|nocheck)|eslint-disable/.test(line)) {
        problems.push(`${file.fileName}:${index + 1}: suppressed errors`);
      }
    }
  }
  return { checked: files.length, unit: 'files', problems };
}

/**
 * Folders and files whose names do not say what is in them.
 *
 * @returns {Finding}
 */
export function names() {
  const paths = projectFiles().filter((path) => CODE.includes(path.split('/', 1)[0] ?? ''));
  const vague = /(?:^|\/)(?:utils?|helpers?|common|lib|types|misc|shared)(?:\/|\.[a-z.]+$)/;
  // test/types holds the tests of types.
  const problems = paths
    .filter((path) => vague.test(path.replace(/^test\/types\//, 'test/')))
    .map((path) => `${path}: a name that says nothing`);
  return { checked: paths.length, unit: 'files', problems };
}

/**
 * Paths of somebody's machine, addresses of package registries, and notes about unfinished work.
 *
 * @returns {Finding}
 */
export function leftovers() {
  const paths = projectFiles().filter((path) => !/\.(?:png|gif|ico|gz|tgz)$/.test(path));
  const rules = [
    {
      what: 'path of a machine',
      pattern: /(?:^|[^\w.$}\]/-])\/(?:work|farm|root|Users|home\/[a-z]+|tmp\/[a-z]+)\/|[A-Z]:\\Users\\/,
    },
    {
      what: 'package registry',
      pattern: /https?:\/\/(?:[\w.-]*(?:registry|artifactory|nexus|verdaccio)|npm\.)[\w.-]*|"resolved":\s"http/,
    },
    { what: 'unfinished', pattern: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/ },
  ];
  const problems = paths.flatMap((path) =>
    readProjectFile(path)
      .split('\n')
      .flatMap((line, index) =>
        rules
          .filter(({ pattern }) => pattern.test(line))
          .map(({ what }) => `${path}:${index + 1}: ${what}: ${line.trim().slice(0, 100)}`),
      ),
  );
  return { checked: paths.length, unit: 'files', problems };
}

/**
 * @param {ts.SourceFile} file
 * @param {ts.CallExpression} call
 * @param {string} callee
 */
function focuses(file, call, callee) {
  return /^(?:it|test|describe)\b/.test(callee) && (/\.only\b/.test(callee) || hasOption(file, call, /^only$/));
}

/**
 * @param {ts.SourceFile} file
 * @param {ts.CallExpression} call
 * @param {string} callee
 */
function skips(file, call, callee) {
  if (/^(?:it|test|describe)\b/.test(callee)) {
    return /\.(?:skip|skipIf|runIf|todo)\b/.test(callee) || hasOption(file, call, /^(?:skip|todo)$/);
  }
  return /^x(?:it|test|describe)$|^(?:ctx|context|t)\.skip$|^skip$/.test(callee);
}

/**
 * Whether a test is given an option of that name, as in `it('...', { skip: true }, ...)`.
 *
 * @param {ts.SourceFile} file
 * @param {ts.CallExpression} call
 * @param {RegExp} name
 */
function hasOption(file, call, name) {
  return call.arguments.some(
    (one) =>
      ts.isObjectLiteralExpression(one) &&
      one.properties.some((property) => property.name !== undefined && name.test(property.name.getText(file))),
  );
}

/**
 * Every test runs. One that cannot without a component says so: its title, or its note, contains `needs <component>`.
 *
 * @returns {Finding}
 */
export function skippedTests() {
  let checked = 0;
  /** @type {string[]} */
  const problems = [];
  for (const file of sourceFiles(['test'])) {
    walk(file, (node) => {
      if (!ts.isCallExpression(node)) return;
      const callee = node.expression.getText(file);
      // `it.skipIf(condition)` is a call whose result is called with the title.
      const outer = ts.isCallExpression(node.parent) && node.parent.expression === node ? node.parent : node;
      if (/^(?:it|test)\b/.test(callee) && outer === node) checked += 1;
      const says = outer.arguments.map((one) => one.getText(file)).join(' ');
      if (focuses(file, node, callee)) problems.push(`${place(file, node)}: ${callee} runs no other test`);
      else if (skips(file, node, callee) && !/\bneeds [\w$]/.test(says)) {
        problems.push(`${place(file, node)}: ${callee} skips without "needs <component>" in its title`);
      }
    });
  }
  return { checked, unit: 'tests', problems };
}

/**
 * Unit tests move an injected clock; a real sleep makes them slow and, on a busy machine, wrong.
 *
 * @returns {Finding}
 */
export function sleeps() {
  const files = sourceFiles(['test']).filter((file) => /^test\/(?:unit|property)\//.test(file.fileName));
  /** @type {string[]} */
  const problems = [];
  for (const file of files) {
    if (/import \{[^}]*\bsetTimeout\b[^}]*\} from '(?:node:)?timers\/promises'/.test(file.text)) {
      problems.push(`${file.fileName}: setTimeout of node:timers/promises`);
    }
    walk(file, (node) => {
      if (!ts.isCallExpression(node)) return;
      const callee = node.expression.getText(file);
      const turnOnly = node.arguments.length < 2 || node.arguments[1]?.getText(file) === '0';
      if (/^sleep$/.test(callee) || (/^(?:globalThis\.)?setTimeout$/.test(callee) && !turnOnly))
        problems.push(`${place(file, node)}: ${callee}`);
    });
  }
  return { checked: files.length, unit: 'files', problems };
}
