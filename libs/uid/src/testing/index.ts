export { LeasedWorkerIds, leasedWorkerIds } from './leased-worker-ids.js';
export {
  workerIdSourceContract,
  type ContractOptions,
  type ContractPromise,
  type WorkerIdHarness,
} from './worker-id-source.contract.js';
