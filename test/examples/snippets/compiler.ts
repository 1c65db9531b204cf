/** The compiler: type-checks modules that are not on disk, as the project's own configuration says. */
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { root } from './fences.js';

/** A module by a name of its own, such as `README.md:12`. */
export interface Module {
  readonly name: string;
  readonly text: string;
}

/** Globals that snippets take for granted. */
const AMBIENT = `${root}test/examples/snippets/ambient.d.ts`;

/** Where modules pretend to be: inside the package, so that they can import it by its name. */
const PLACE = `${root}test/examples/snippets/of/`;

const DECORATORS: Readonly<Record<Decorators, ts.CompilerOptions>> = {
  standard: {},
  legacy: { experimentalDecorators: true, emitDecoratorMetadata: true, erasableSyntaxOnly: false },
};

/** Which decorators a module is written for. */
export type Decorators = 'standard' | 'legacy';

/** What is wrong with each module, by its name; only those with mistakes are in it. */
export function mistakesIn(
  modules: readonly Module[],
  decorators: Decorators = 'standard',
): ReadonlyMap<string, readonly string[]> {
  const files = new Map(modules.map((module, index) => [`${PLACE}${index}.ts`, module]));
  const options = { ...optionsOfSnippets(), ...DECORATORS[decorators] };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile, readFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = files.get(path)?.text;
    return text === undefined
      ? getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, text, languageVersion, true);
  };
  const program = ts.createProgram([...files.keys(), AMBIENT], options, host);
  const mistakes = new Map<string, string[]>();
  for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
    const module = diagnostic.file === undefined ? undefined : files.get(diagnostic.file.fileName);
    const name = module?.name ?? diagnostic.file?.fileName ?? 'configuration';
    mistakes.set(name, [...(mistakes.get(name) ?? []), messageOf(diagnostic)]);
  }
  return mistakes;
}

/** A module as JavaScript, for this Node. */
export function transpile(text: string, decorators: Decorators = 'standard'): string {
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
  return ts.transpileModule(text, { compilerOptions: { ...options, ...DECORATORS[decorators] } }).outputText;
}

/** What `keepsake` exports, as an import names it: `Cached`, `type Policy`. */
export function exportsOfKeepsake(path = `${root}src/index.ts`): readonly string[] {
  const { statements } = ts.createSourceFile(path, ts.sys.readFile(path) ?? '', ts.ScriptTarget.Latest, true);
  return statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return isExportedType(statement) ? [`type ${statement.name.text}`] : [];
    const { exportClause, isTypeOnly, moduleSpecifier } = statement;
    if (exportClause === undefined && moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier)) {
      return exportsOfKeepsake(join(dirname(path), moduleSpecifier.text.replace(/\.js$/, '.ts')));
    }
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    const { elements } = exportClause;
    return elements.map(({ name, isTypeOnly: isType }) => `${isTypeOnly || isType ? 'type ' : ''}${name.text}`);
  });
}

function isExportedType(statement: ts.Statement): statement is ts.InterfaceDeclaration | ts.TypeAliasDeclaration {
  if (!ts.isInterfaceDeclaration(statement) && !ts.isTypeAliasDeclaration(statement)) return false;
  return statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

/** The project's own options, but for those about style. */
function optionsOfSnippets(): ts.CompilerOptions {
  const { config, error } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile);
  if (error !== undefined) throw new Error(messageOf(error));
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['src/index.ts'] }, ts.sys, root);
  return { ...options, noUnusedLocals: false, noUnusedParameters: false, noPropertyAccessFromIndexSignature: false };
}

function messageOf(diagnostic: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  if (diagnostic.file === undefined || diagnostic.start === undefined) return text;
  return `line ${diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line + 1} of it: ${text}`;
}
