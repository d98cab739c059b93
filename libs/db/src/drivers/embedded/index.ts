export { EmbeddedPostgresDriver } from './embedded-postgres.driver.js';
export { embeddedDriver } from './embedded-driver.js';
