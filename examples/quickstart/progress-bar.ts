/** A progress bar: one line that redraws itself on a terminal, a line for every quarter where the output is a file or a pipe. */
const WIDTH = 30;

export class ProgressBar {
  readonly #total: number;
  readonly #unit: string;
  readonly #began = performance.now();
  #done = 0;
  #quarters = 0;

  constructor(total: number, unit: string) {
    this.#total = total;
    this.#unit = unit;
  }

  advance(count: number): void {
    this.#done += count;
    if (process.stdout.isTTY) process.stdout.write(`\r${this.#line()}\u001b[K`);
    else this.#plain();
  }

  /** Ends the line and says how long it took. */
  finish(): void {
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    const end = `${this.#done.toLocaleString('en')} ${this.#unit} in ${seconds} s`;
    console.log(process.stdout.isTTY ? `\r${end}\u001b[K\n` : `${end}\n`);
  }

  #line(): string {
    const filled = Math.round(this.#share * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    return `${bar} ${this.#percent} %  ${this.#done.toLocaleString('en')} ${this.#unit}`;
  }

  #plain(): void {
    const quarters = Math.floor(this.#share * 4);
    if (quarters > this.#quarters && quarters < 4) console.log(`  ${this.#percent} %`);
    this.#quarters = quarters;
  }

  get #share(): number {
    return this.#total === 0 ? 1 : this.#done / this.#total;
  }

  get #percent(): string {
    return String(Math.floor(this.#share * 100)).padStart(3);
  }
}
