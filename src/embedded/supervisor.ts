/**
 * The supervisor: a few lines of shell between this process and the server, so that the server never outlives us.
 *
 * It holds one end of a pipe whose other end only this process has. However this process ends (return, `process.exit`, an
 * uncaught error, any signal, SIGKILL too), the kernel closes the pipe, the supervisor reads its end and stops the server. So no
 * exit hook and no signal handler is needed, and none of the application's is disturbed. It runs in a session of its own:
 * Ctrl+C in a terminal reaches the application, which may still need its database to finish, and not the server.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import type { Place } from './place.js';

/** Arguments: signal to stop with, folder to remove at the end or '', log file, command. Tells on its output what happens. */
const SUPERVISE = `
signal=$1 remove=$2 log=$3
shift 3
trap '' HUP INT QUIT TERM PIPE
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
server=$!
echo "started $server"
# Signals the whole group, and again: initdb and the shell around it are in it, and a signal between two programs is lost.
( trap - TERM; read -r _ <&3; while :; do kill -s "$signal" 0; sleep 0.1; done ) 2>/dev/null &
watcher=$!
wait "$server"
status=$?
kill -s TERM "$watcher" 2>/dev/null
echo "exited $status" 2>/dev/null
while read -r _ <&3; do :; done
[ -z "$remove" ] || rm -rf "$remove"
`;

/** Arguments: folder of the place, initdb's path, its options up to '--', the server's path and options. */
const INITIALISE_AND_RUN = `
place=$1 initdb=$2
shift 2
if [ ! -d "$place/data" ]; then
  partial=$place/data.partial-$$
  "$initdb" --pgdata="$partial" --pwfile="$place/password" $INITDB_OPTIONS || exit
  [ -d "$place/data" ] || mv "$partial" "$place/data"
fi
exec "$@"
`;

/** What of our environment the server gets: not the application's secrets, and no PG* variable that would change its mind. */
const PASSED_ON: readonly string[] = ['PATH', 'TMPDIR', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];

/** How long a server may take to stop before it is killed, in milliseconds. */
const STOP_LIMIT = 30_000;

/** What to run, and where. */
export interface Command {
  readonly place: Place;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  /** A folder that is gone when everything has stopped; undefined = none. */
  readonly remove: string | undefined;
}

/** A supervised server, from its start on. */
export class Supervisor {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #server: number | undefined;
  #exit: string | undefined;
  #stopped: Promise<void> | undefined;

  constructor(command: Command) {
    this.#child = launch(command);
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#exit ??= `its supervisor ended (${signal ?? code})`;
        resolve();
      });
      this.#child.once('error', (error) => {
        this.#exit ??= `sh could not be run (${error.message})`;
        resolve();
      });
    });
    this.#listen();
    this.#release();
  }

  /** The server's process id; undefined until it is known. */
  get server(): number | undefined {
    return this.#server;
  }

  /** Why the server is not running any more; undefined while it is. */
  get exit(): string | undefined {
    return this.#exit;
  }

  /** Stops the server and removes what is to be removed. Resolves when nothing is left. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#child.ref();
    this.#child.stdin?.end();
    const limit = setTimeout(() => this.#kill(), STOP_LIMIT);
    await this.#ended;
    clearTimeout(limit);
  }

  /** The last resort: supervisor and server at once. The server's other processes notice and end by themselves. */
  #kill(): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // They ended just now.
    }
  }

  #listen(): void {
    const { stdin, stdout } = this.#child;
    stdin?.on('error', () => undefined); // the supervisor ended first: `exit` says so
    if (stdout === null) return;
    createInterface({ input: stdout }).on('line', (line) => {
      const [event, detail = ''] = line.split(' ');
      if (event === 'started') this.#server = Number(detail);
      if (event === 'exited') this.#exit ??= `it exited with status ${detail}`;
    });
  }

  /** An idle process may exit although its server runs; the pipe then stops it. */
  #release(): void {
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout]) {
      if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
    }
  }
}

function launch(command: Command): ChildProcess {
  const { place, account, binaries, remove } = command;
  const server = [binaries.postgres, '-D', place.data, '-p', String(command.port), ...settingFlags(command.settings)];
  const inner = ['sh', '-c', INITIALISE_AND_RUN, 'sh', place.folder, binaries.initdb, ...server];
  const signal = place.lifetime === 'temporary' ? 'QUIT' : 'INT'; // nobody reads what a checkpoint would save
  return spawn('/bin/sh', ['-c', SUPERVISE, 'sh', signal, remove ?? '', place.log, ...inner], {
    cwd: '/', // ours may be closed to the account, and must not be kept busy
    detached: true,
    env: environment(initdbOptions(place, binaries.major)),
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
}

function settingFlags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The builtin locale of PostgreSQL 17 is the same on every machine and knows all of Unicode; before that only C is everywhere. */
function initdbOptions(place: Place, major: number): readonly string[] {
  const locale = major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : [];
  const sync = place.lifetime === 'temporary' ? ['--no-sync'] : [];
  return ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', ...locale, ...sync];
}

function environment(initdb: readonly string[]): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  // TZ: looking for the system's time zone takes initdb a tenth of a second, and UTC surprises nobody.
  return { ...Object.fromEntries(passed), LC_ALL: 'C', TZ: 'UTC', INITDB_OPTIONS: initdb.join(' ') };
}
