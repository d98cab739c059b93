export { platformaticDriver, type PlatformaticClients } from './platformatic.driver.js';
export type { KafkaOptions } from '../kafka-options.js';
