/** The project's files as the checks see them: what git tracks or would track, parsed once. */
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** @returns {string[]} paths below the project, `/` between folders */
export function projectFiles() {
  // A checkout may belong to another user than the one who runs the checks, as in a container.
  const git = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  return execFileSync('git', git, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && lstatSync(root + path, { throwIfNoEntry: false })?.isFile() === true);
}

/** @param {string} path */
export function readProjectFile(path) {
  return readFileSync(root + path, 'utf8');
}

/**
 * The TypeScript and JavaScript files below the folders, as syntax trees. Fixtures are left out: they are input of tests.
 *
 * @param {readonly string[]} folders
 */
export function sourceFiles(folders) {
  return projectFiles()
    .filter((path) => folders.includes(path.split('/', 1)[0] ?? '') && /\.[cm]?[jt]s$/.test(path))
    .filter((path) => !path.startsWith('test/fixtures/'))
    .map((path) => ts.createSourceFile(path, readProjectFile(path), ts.ScriptTarget.Latest, true));
}

/**
 * Calls `visit` with every node of a file.
 *
 * @param {ts.SourceFile} file
 * @param {(node: ts.Node) => void} visit
 */
export function walk(file, visit) {
  /** @param {ts.Node} node */
  const each = (node) => {
    visit(node);
    ts.forEachChild(node, each);
  };
  each(file);
}

/**
 * Where a node is, as editors and terminals understand it.
 *
 * @param {ts.SourceFile} file
 * @param {ts.Node} node
 */
export function place(file, node) {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
}
