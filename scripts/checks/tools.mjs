/** The checks that are tools of others: how each is run, and how it tells how much it looked at. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './project-files.mjs';

/**
 * @typedef {{ status: number | null, stdout: string, output: string }} Ran
 * @typedef {{ checked: number, unit: string, problems: string[] }} Finding
 */

/**
 * Runs the command of an installed package with this Node.
 *
 * @param {string} packageName
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<Ran>}
 */
function runTool(packageName, command, args) {
  const manifest = join(root, 'node_modules', packageName, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  const script = join(dirname(manifest), typeof bin === 'string' ? bin : bin[command]);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, output }));
  });
}

/**
 * @param {Ran} ran
 * @param {number} checked
 * @param {string} unit
 * @param {string} [report] what to show instead of the tool's whole output
 * @returns {Finding}
 */
function finding(ran, checked, unit, report = ran.output) {
  return { checked, unit, problems: ran.status === 0 ? [] : [report.trim() || `ended with status ${ran.status}`] };
}

/** The compiler over the project, and over the scripts, which are JavaScript with types in comments. */
export async function types() {
  let checked = 0;
  let problems = '';
  for (const project of ['tsconfig.json', 'scripts/tsconfig.json', 'examples/nestjs/tsconfig.json']) {
    const ran = await runTool('typescript', 'tsc', ['-p', project, '--noEmit', '--listFiles', '--pretty', 'false']);
    const lines = ran.stdout.split('\n').filter((line) => line !== '');
    const listed = lines.filter((line) => /^(?:\/|[A-Z]:).*\.[cm]?[jt]s$/.test(line));
    checked += listed.filter((line) => !line.includes('/node_modules/')).length;
    if (ran.status !== 0) problems += `${lines.filter((line) => !listed.includes(line)).join('\n')}\n`;
  }
  return { checked, unit: 'files', problems: problems === '' ? [] : [problems.trim()] };
}

/** Formatting, import order and the rules that need no types. */
export async function biome() {
  const ran = await runTool('@biomejs/biome', 'biome', [
    'ci',
    '--colors=off',
    '--max-diagnostics=100',
    '--error-on-warnings',
  ]);
  return finding(ran, Number(/Checked (\d+) files?/.exec(ran.output)?.[1] ?? 0), 'files');
}

/** The rules that need types. */
export async function eslint() {
  const ran = await runTool('eslint', 'eslint', ['.', '--format', 'json', '--max-warnings', '0']);
  /** @type {{ filePath: string, messages: { line?: number, message: string, ruleId: string | null }[] }[]} */
  const files = ran.stdout.startsWith('[') ? JSON.parse(ran.stdout) : [];
  const report = files.flatMap(({ filePath, messages }) =>
    messages.map(
      ({ line, message, ruleId }) => `${filePath.replace(root, '')}:${line ?? 1}: ${message} (${ruleId ?? 'parser'})`,
    ),
  );
  return finding(ran, files.length, 'files', report.length > 0 ? report.join('\n') : ran.output);
}

/** Who imports whom. Counted are the modules of `src`: a cruise that sees none has checked no rule. */
export async function imports() {
  const folders = ['src', 'migrations', 'test', 'bench', 'harness', 'examples'].filter((folder) =>
    existsSync(join(root, folder)),
  );
  const ran = await runTool('dependency-cruiser', 'depcruise', [...folders, '--output-type', 'json']);
  if (!ran.stdout.startsWith('{')) return { checked: 0, unit: 'modules', problems: [ran.output.trim()] };
  /** @type {{ modules: { source: string }[], summary: { violations: Violation[], ruleSetUsed: { forbidden: { name: string, comment: string }[] } } }} */
  const { modules, summary } = JSON.parse(ran.stdout);
  const comments = new Map(summary.ruleSetUsed.forbidden.map((rule) => [rule.name, rule.comment]));
  const problems = summary.violations.map(({ from, to, rule, cycle }) => {
    const path = cycle ? cycle.map((step) => step.name).join(' -> ') : to;
    return `${from} -> ${path} (${rule.name}: ${comments.get(rule.name) ?? ''})`;
  });
  return { checked: modules.filter(({ source }) => source.startsWith('src/')).length, unit: 'modules', problems };
}

/** @typedef {{ from: string, to: string, rule: { name: string }, cycle?: { name: string }[] }} Violation */

/** Files, exports and dependencies nobody uses. */
export async function unused() {
  const reporters = ['--reporter', 'symbols', '--reporter', './scripts/knip-reporter.mjs'];
  const ran = await runTool('knip', 'knip', ['--no-progress', ...reporters]);
  return finding(ran, Number(/Checked (\d+) files/.exec(ran.output)?.[1] ?? 0), 'files');
}
