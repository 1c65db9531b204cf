/** Worker processes for tests: real Node processes that run a TypeScript file and answer commands. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface SpawnOptions {
  readonly args?: readonly string[] | undefined;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** `own`: a process group of its own, led by the worker, so that a test can signal all of it as a terminal does. Default `shared`. */
  readonly group?: 'own' | 'shared' | undefined;
  /** The user to run as; only root may choose. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a command failed with in its worker; `code` is that of the original error. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  readonly code: unknown;

  constructor(message: string, code?: unknown, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Message {
  readonly ready?: true;
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: {
    readonly name: string;
    readonly message: string;
    readonly stack?: string;
    readonly code?: unknown;
  };
}

/** A worker that runs, and serves commands with `serve` of worker-protocol.ts. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  readonly #lines: string[] = [];
  readonly ended: Promise<Ending>;
  #stderr = '';
  #next = 1;

  private constructor(file: string | URL, options: SpawnOptions) {
    const path = file instanceof URL ? fileURLToPath(file) : file;
    this.#child = spawn(process.execPath, ['--import', 'tsx', path, ...(options.args ?? [])], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      detached: options.group === 'own',
      ...options.user,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#child.stdin?.on('error', () => undefined); // it ended: `ended` says how
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#ready = new Promise((resolve, reject) => this.#waiting.set(0, { resolve: () => resolve(), reject }));
    this.#ready.catch(() => undefined); // awaited by `spawn`, or nobody cares
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(line));
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#fail(error));
      this.#child.once('close', (code, signal) => {
        this.#fail(undefined, { code, signal });
        resolve({ code, signal });
      });
    });
  }

  /** Starts a worker and resolves when it serves commands; it is killed when the test ends. */
  static async spawn(file: string | URL, options: SpawnOptions = {}): Promise<WorkerProcess> {
    const worker = WorkerProcess.run(file, options);
    await worker.#ready;
    return worker;
  }

  /** Starts a program that need not serve commands, without waiting; it is killed when the test ends. */
  static run(file: string | URL, options: SpawnOptions = {}): WorkerProcess {
    const worker = new WorkerProcess(file, options);
    onTestFinished(async () => {
      await worker.kill('SIGKILL');
    });
    return worker;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new WorkerError('The worker could not be started');
    return this.#child.pid;
  }

  /** What it has written to standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Lines of its standard output that are no answers. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Sends a command and waits for its answer. Rejects with {@link WorkerError} when it fails, or the worker ends before. */
  async send(command: string, argument?: unknown): Promise<unknown> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw this.#gone();
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, command, argument })}\n`);
    });
  }

  /** Sends a signal without waiting: `SIGSTOP` and `SIGCONT` pause and resume. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it with a signal (a stopped one too) and resolves when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.#child.kill(signal);
    this.#child.kill('SIGCONT');
    return this.ended;
  }

  /** Closes its input, so that it may end by itself, and resolves when it has. */
  async finish(): Promise<Ending> {
    this.#child.stdin?.end();
    return this.ended;
  }

  #receive(line: string): void {
    const message = parse(line);
    const id = message?.ready === true ? 0 : message?.id;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (message === undefined || id === undefined || waiting === undefined) {
      this.#lines.push(line);
      return;
    }
    this.#waiting.delete(id);
    const { error } = message;
    if (error === undefined) waiting.resolve(message.value);
    else waiting.reject(new WorkerError(`${error.name}: ${error.message}`, error.code, error.stack));
  }

  #fail(cause: unknown, ending?: Ending): void {
    for (const { reject } of this.#waiting.values()) reject(this.#gone(cause, ending));
    this.#waiting.clear();
  }

  #gone(cause?: unknown, ending?: Ending): WorkerError {
    const how = ending?.signal ?? ending?.code ?? this.#child.signalCode ?? this.#child.exitCode;
    const said = this.#stderr === '' ? '' : `; it wrote:\n${this.#stderr}`;
    return new WorkerError(`The worker ended (${how ?? 'not started'}) before it answered${said}`, undefined, cause);
  }
}

function parse(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null ? message : undefined;
  } catch {
    return undefined; // not of the protocol
  }
}
