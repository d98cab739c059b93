export { kafkajsDriver } from './kafkajs.driver.js';
export type { KafkaOptions } from '../kafka-options.js';
