/** What snippets of the documentation take for granted: the application around them. */
declare global {
  interface Product {
    readonly id: number;
    readonly name: string;
  }
  interface Filter {
    readonly color?: string;
    readonly max?: number;
  }
  interface Order {
    readonly id: number;
  }
  interface Invoice {
    readonly total: number;
  }
  interface Report {
    readonly day: string;
  }
  interface Forecast {
    readonly temperature: number;
  }
  interface Rates {
    readonly source: string;
    readonly validFor: number;
  }
  const products: { find(id: number): Promise<Product> };
  const dataSource: import('typeorm').DataSource;
  const sql: import('postgres').Sql;
  /** What is used of a Prisma client: its package brings programs that are downloaded, so it is not installed here. */
  const prisma: { $transaction<T>(run: (tx: PrismaTransaction) => Promise<T>): Promise<T> };
  interface PrismaTransaction {
    $executeRaw(query: TemplateStringsArray, ...values: unknown[]): Promise<number>;
    $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
  }
  class FetchError extends Error {}
  function createReport(options: { readonly signal: AbortSignal; readonly fence: number }): Promise<void>;
  function fetchRates(options?: { readonly signal: AbortSignal }): Promise<Rates>;
}

export {};
