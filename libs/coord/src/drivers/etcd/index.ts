export { etcdDriver } from './etcd.driver.js';
export type { EtcdDriverOptions } from './etcd-options.js';
