/** Only what needs type information and Biome does not have; everything else is in biome.json. */
import tseslint from 'typescript-eslint';

const typed = ['src', 'migrations', 'test', 'bench', 'harness', 'examples'].map((folder) => `${folder}/**/*.ts`);

/** What a loader rejected with is passed on as it is, whatever it is. */
const passesOn = { allowThrowingUnknown: true, allowThrowingAny: false };

/** The runner awaits its tests. */
const ofNodeTest = { from: 'package', name: ['describe', 'it'], package: 'node:test' };

const rules = {
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/no-array-delete': 'error',
  '@typescript-eslint/no-base-to-string': 'error',
  '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [ofNodeTest] }],
  '@typescript-eslint/no-for-in-array': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  '@typescript-eslint/only-throw-error': ['error', passesOn],
  '@typescript-eslint/prefer-promise-reject-errors': ['error', passesOn],
  '@typescript-eslint/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
  '@typescript-eslint/restrict-plus-operands': 'error',
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
};

export default [
  { ignores: ['dist/', '.dist-next/', 'node_modules/', 'test/fixtures/', 'bench/rivals/'] },
  // Biome's suppression comments are its own; ours that suppress nothing are errors.
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: [...typed, 'scripts/**/*.mjs', '*.config.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules,
  },
  {
    files: ['src/**/*.ts', 'migrations/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'TSAsExpression > TSAsExpression[typeAnnotation.type="TSUnknownKeyword"]',
          message: '`as unknown as` hides a wrong type: narrow the value, or type it where it comes from.',
        },
      ],
    },
  },
  {
    // Tests reject with values that are no errors, because callers do (INVARIANT 17).
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
    },
  },
];
