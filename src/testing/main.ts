/** `keepsake/testing`: what tests of programs with a cache need, and Keepsake's own use. Depends on no test runner. */
export { Chaos, type ChaosOptions, type Trouble } from './chaos.js';
export { FakeClock } from './fake-clock.js';
export { Recorder } from './recorder.js';
export type { OptionalPart } from './store-contract/contract.js';
export {
  type ContractRunner,
  describeStoreContract,
  type StoreContractOptions,
} from './store-contract/store-contract.js';
export type { StoreUnderTest } from './store-contract/store-under-test.js';
export { createTestStore, type TestStoreOptions } from './test-store.js';
