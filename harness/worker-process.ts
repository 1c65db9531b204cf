/** One worker process, seen from the harness. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Commands, Report, Told, WorkerSetup } from './worker/protocol.js';

const PROGRAM = fileURLToPath(new URL('worker/main.ts', import.meta.url));

export interface WorkerListener {
  report(worker: number, report: Report): void;
  violation(worker: number, text: string): void;
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerProcess {
  readonly setup: WorkerSetup;
  readonly #listener: WorkerListener;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #loading = new Map<string, () => void>();
  readonly #ready: Promise<void>;
  readonly ended: Promise<void>;
  #becomeReady: () => void = () => undefined;
  #next = 1;
  #end: 'running' | 'expected' | 'ended' = 'running';

  private constructor(setup: WorkerSetup, listener: WorkerListener) {
    this.setup = setup;
    this.#listener = listener;
    this.#child = fork(PROGRAM, {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, DATABASE_URL: '' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    this.#child.on('message', (told: Told) => this.#hear(told));
    this.ended = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    void this.ended.then(() => this.#ended());
  }

  /** Starts a process and opens its cache. */
  static async start(setup: WorkerSetup, listener: WorkerListener): Promise<WorkerProcess> {
    const worker = new WorkerProcess(setup, listener);
    await Promise.race([worker.#ready, worker.ended]);
    await worker.send('open', setup);
    return worker;
  }

  /** Sends a command and waits for its answer. Rejects when it fails, or the process ends before. */
  async send<Command extends keyof Commands>(
    command: Command,
    argument: Commands[Command]['argument'],
  ): Promise<Commands[Command]['answer']> {
    const id = this.#next;
    this.#next += 1;
    return await new Promise((resolve, reject) => {
      if (this.#end === 'ended') reject(new Error(`Worker ${this.setup.worker} has ended`));
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, command, argument }, (error) => error !== null && reject(error));
    });
  }

  /** Resolves when the loader of `name` has begun in this process. */
  async loading(name: string): Promise<void> {
    await new Promise<void>((resolve) => this.#loading.set(name, resolve));
  }

  /** Stops the process where it is, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Ends the process without any warning. */
  async kill(): Promise<void> {
    this.#end = 'expected';
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  async close(): Promise<void> {
    this.#end = 'expected';
    await Promise.race([this.send('close', null).catch(() => undefined), this.ended]);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000);
    await this.ended;
    clearTimeout(timer);
  }

  #hear(told: Told): void {
    switch (told.kind) {
      case 'ready':
        this.#becomeReady();
        break;
      case 'report':
        this.#listener.report(this.setup.worker, told.report);
        break;
      case 'violation':
        this.#listener.violation(this.setup.worker, told.text);
        break;
      case 'loading':
        this.#loading.get(told.name)?.();
        this.#loading.delete(told.name);
        break;
      case 'answer':
        this.#waiting.get(told.id)?.resolve(told.value as never);
        this.#waiting.delete(told.id);
        break;
      case 'failure':
        this.#waiting.get(told.id)?.reject(new Error(`Worker ${this.setup.worker}: ${told.text}`));
        this.#waiting.delete(told.id);
    }
  }

  #ended(): void {
    const { exitCode, signalCode } = this.#child;
    if (this.#end === 'running') this.#listener.violation(this.setup.worker, `it ended (${signalCode ?? exitCode})`);
    this.#end = 'ended';
    for (const { reject } of this.#waiting.values()) reject(new Error(`Worker ${this.setup.worker} has ended`));
    this.#waiting.clear();
  }
}
